"""Trainers on nested regions, each region cut where the validation exams say, not at a probability of 0.5."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from bmseg.outputs.provenance import versions, write_record
from bmseg.trainers.ordinal import nnUNetTrainerOrdinal, nnUNetTrainerQuickOrdinal
from bmseg.trainers.scheduled import nnUNetTrainerScheduled

#: Beside the checkpoint: the thresholds, what they were chosen on, and what they gain there.
THRESHOLDS = "bmseg_thresholds.json"
#: Probabilities at which a region may be cut.
GRID = np.round(np.arange(0.1, 0.91, 0.05), 2)
_NEUTRAL = int(np.flatnonzero(GRID == 0.5)[0])

#: Of an exam's voxels: the scores of each region (logits, a row a region), and the levels that were drawn.
Voxels = tuple[np.ndarray, np.ndarray]


def choose_thresholds(exams: Sequence[Voxels], levels: Sequence[int]) -> list[dict[str, float]]:
    """Where to cut each region so that the mean Dice of its level over exams is largest.

    The highest level first: what it takes is not left for those below. An exam in which a level was not
    drawn counts 1 where none is marked and 0 where some is, so that every threshold is judged by the same
    exams; of equal thresholds the nearest to 0.5 is taken.

    Parameters
    ----------
    exams : sequence of (array, array)
        Scores of shape (regions, voxels), as logits, and drawn levels of shape (voxels,).
    levels : sequence of int
        In rising order, one a region.

    Returns
    -------
    list of dict
        A region each, lowest first: ``threshold``, ``dice``, and ``dice_at_half`` with this region cut at 0.5
        under the same regions above.
    """
    cuts = np.log(GRID / (1 - GRID))
    free = [np.ones(len(drawn), bool) for _, drawn in exams]
    chosen: list[dict[str, float]] = []
    for region, level in reversed([*enumerate(levels)]):
        dice = np.mean(
            [
                _dice_by_cut(scores[region][left], drawn[left] == level, int((drawn == level).sum()), cuts)
                for (scores, drawn), left in zip(exams, free, strict=True)
            ],
            axis=0,
        ).round(12)
        best = min(np.flatnonzero(dice == dice.max()), key=lambda place: abs(place - _NEUTRAL))
        for (scores, _), left in zip(exams, free, strict=True):
            left &= scores[region] <= cuts[best]
        found = {"threshold": GRID[best], "dice": dice[best], "dice_at_half": dice[_NEUTRAL]}
        chosen.insert(0, {name: float(value) for name, value in found.items()})
    return chosen


def _dice_by_cut(scores: np.ndarray, drawn: np.ndarray, n_drawn: int, cuts: np.ndarray) -> np.ndarray:
    """Dice of the voxels above each cut with those drawn, of which some may be out of reach."""
    above = np.searchsorted(cuts, scores)  # how many cuts a score exceeds

    def exceeding(places: np.ndarray) -> np.ndarray:
        return np.bincount(places, minlength=len(cuts) + 1)[::-1].cumsum()[::-1][1:]

    both = exceeding(above) + n_drawn
    return np.where(both > 0, 2 * exceeding(above[drawn]) / np.maximum(both, 1), 1.0)


class _CutByValidation(nnUNetTrainerScheduled):
    """Comes before an ordinal trainer among the bases and moves its networks' last bias when it ends.

    A probability above t is a score above log(t / (1 - t)): taken off the bias of the layer that makes the
    scores, every threshold becomes 0.5 again. Scores of tiles, of mirrored slices and of folds are averaged
    and resampled with weights that add up to 1, so the same voxels are marked as by thresholds, by nnU-Net's
    own commands and from exported files too. Probabilities that are kept move with it: 0.5 is where the
    mask is cut.
    """

    def on_train_end(self) -> None:
        """Choose, on the fold's validation exams as preprocessed, before the last checkpoint is written."""
        _, held_out = self.do_split()
        if self.fold == "all" or not held_out or not self.label_manager.has_regions:
            self.print_to_log_file("Thresholds: none chosen, no exam is held out or there is one level")
        else:
            levels = self.label_manager.regions_class_order
            chosen = choose_thresholds([*self._predicted(held_out)], levels)
            self._move_bias([one["threshold"] for one in chosen])
            regions = [name for name, label in self.dataset_json["labels"].items() if isinstance(label, list)]
            record = {"regions": dict(zip(regions, chosen, strict=True)), "chosen_on": list(held_out)}
            record |= {"grid": GRID.tolist(), "versions": versions()}
            write_record(Path(self.output_folder) / THRESHOLDS, record)
        super().on_train_end()

    def _predicted(self, exams: Sequence[str]) -> Iterator[Voxels]:
        """Of each exam, the voxels where a level was drawn or could be marked."""
        predictor = nnUNetPredictor(
            perform_everything_on_device=self.device.type != "cpu", device=self.device, allow_tqdm=False
        )
        predictor.manual_initialization(
            self.network,
            self.plans_manager,
            self.configuration_manager,
            None,
            self.dataset_json,
            type(self).__name__,
            self.inference_allowed_mirroring_axes,
        )
        lowest = math.log(GRID[0] / (1 - GRID[0]))
        self.set_deep_supervision_enabled(False)
        dataset = self.dataset_class(self.preprocessed_dataset_folder, exams)
        for exam in exams:
            image, mask, _, _ = dataset.load_case(exam)
            scores = predictor.predict_sliding_window_return_logits(torch.from_numpy(image[:])).cpu().numpy()
            drawn = mask[:][0]
            matters = (scores > lowest).any(axis=0) | (drawn > 0)
            if (ignored := self.label_manager.ignore_label) is not None:
                matters &= drawn != ignored
            yield scores[:, matters].astype(np.float32), drawn[matters]
        self.set_deep_supervision_enabled(self.enable_deep_supervision)

    def _move_bias(self, thresholds: Sequence[float]) -> None:
        # Compiled, the network is inside another.
        network: Any = getattr(self.network, "_orig_mod", self.network)
        bias = network.decoder.seg_layers[-1].bias
        with torch.no_grad():
            bias -= torch.logit(torch.tensor(thresholds, dtype=torch.float64)).to(bias)


class nnUNetTrainerOrdinalThresholds(_CutByValidation, nnUNetTrainerOrdinal):  # noqa: N801 (as nnU-Net's)
    """`nnUNetTrainerOrdinal` with thresholds of its validation exams."""


class nnUNetTrainerQuickOrdinalThresholds(_CutByValidation, nnUNetTrainerQuickOrdinal):  # noqa: N801
    """`nnUNetTrainerQuickOrdinal` with thresholds of its validation exams."""
