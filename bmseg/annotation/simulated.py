"""The simulated reader of the synthetic cohort corrects a round's proposals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from bmseg.annotation.rounds import ACCEPTED, Annotation
from bmseg.cohort.phantom import phantom_output
from bmseg.errors import InputError
from dataset_conversion.images import Volume, read_volume, write_volume
from dataset_conversion.phantom.cohort import plan_cohort, simulate_exam
from dataset_conversion.raw.dataset import FILE_ENDING

#: Voxels of the largest wrong region that she leaves: about 28 mm3 of the phantom's 0.9 x 0.9 x 3.5 mm.
LARGEST_LEFT = 10


@dataclass(frozen=True)
class Simulation:
    """What the simulated reader did."""

    #: Exams corrected now.
    written: list[str]
    #: Exams with a mask in ``corrected`` before, which stays.
    kept: list[str]
    #: Voxels that she would have drawn otherwise and left as proposed.
    left: int


def simulate(
    annotation: Annotation, *, largest_left: int = LARGEST_LEFT, number: int | None = None
) -> Simulation:
    """Write the masks of a simulated reader into a round's folder ``corrected``.

    She has the mask in mind that the training reader draws of the exam, made again from the cohort's seed,
    and corrects every region of disagreement that she notices, that is those of more than `largest_left`
    voxels; see `correct_regions`. The round is by default the last; of an accepted one nothing is written.
    An InputError when the cohort is not synthetic, or no round is proposed; a WorkError when another
    process is at work on the rounds.
    """
    made = phantom_output(annotation.workspace).read()
    if not annotation.synthetic or "seed" not in made:
        raise InputError(
            f"{annotation.workspace.root}: cohort: found exams of people, expected the synthetic cohort of "
            "'bmseg phantom --segmented': nobody simulates a reader of other exams"
        )
    with annotation.alone():
        round_ = annotation.proposed_round(number)
        if round_.state == ACCEPTED:
            return Simulation([], round_.exams, 0)
        planned = {one.identifier: one for one in plan_cohort(training=made["training"], seed=made["seed"])}
        spec = annotation.dataset.spec
        reader = spec.training_reader
        written, kept, left = [], [], 0
        for exam in round_.exams:
            path = round_.corrected / f"{exam}{FILE_ENDING}"
            if path.is_file():
                kept.append(exam)
                continue
            drawn = simulate_exam(planned[exam], channels=(), seed=made["seed"], readers=(reader,))
            wanted = drawn.masks[reader].stored_as(spec.plane).array
            proposal = read_volume(round_.original(exam))
            corrected = correct_regions(proposal.array.astype(np.uint8), wanted, largest_left)
            left += int((corrected != wanted).sum())
            write_volume(path, Volume(corrected, proposal.affine))
            written.append(exam)
        return Simulation(written, kept, left)


def correct_regions(proposal: np.ndarray, wanted: np.ndarray, largest_left: int) -> np.ndarray:
    """The proposal after a reader who has another mask in mind corrects what she notices.

    Where the two, of one shape (i, j, k) (else a ValueError), differ, voxels that touch by a face form a
    region. Regions of more than `largest_left` voxels become what she wants, smaller ones stay as proposed:
    a reader who corrects is drawn towards what is already there. At 0 she corrects everything.
    """
    if proposal.shape != wanted.shape:
        raise ValueError(f"shape: found {proposal.shape}, expected {wanted.shape}")
    regions, _ = ndimage.label(proposal != wanted)
    sizes = np.bincount(regions.ravel())
    noticed = sizes > largest_left
    noticed[0] = False
    return np.where(noticed[regions], wanted, proposal).astype(proposal.dtype)
