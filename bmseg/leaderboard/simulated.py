"""Simulated teams: submissions made from the readers' consensus by named perturbations.

They show what a board looks like, and whether its ranking tells apart what is known to differ. They have
seen the consensus that scores them, as no team has; the board marks them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import ndimage

from bmseg.leaderboard.adding import Added, add_submission
from bmseg.leaderboard.board import Board
from bmseg.leaderboard.entries import Description
from bmseg.leaderboard.scoring import Reference
from dataset_conversion.images import Volume, write_volume

#: An exam's consensus, spacing in mm, and a random generator of the exam -> a mask, or None for none.
Perturb = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray | None]


@dataclass(frozen=True)
class SimulatedTeam:
    """A team that is none."""

    name: str
    method: str  # what is done to the consensus, in words
    perturb: Perturb

    def masks(self, consensus: Mapping[str, Volume], seed: int) -> dict[str, Volume]:
        """Masks of the exams that it does not leave out; of a seed the same, whatever other exams are."""
        found = {}
        for exam, reference in consensus.items():
            rng = np.random.default_rng([seed, *exam.encode()])
            mask = self.perturb(reference.array, reference.spacing, rng)
            if mask is not None:
                found[exam] = replace(reference, array=mask.astype(np.uint8))
        return found


def _wobble(shape: tuple[int, ...], spacing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A displacement of standard deviation 2.5 mm that changes over some 8 mm, in mm."""
    knots = np.ceil(np.asarray(shape) * spacing / 8).astype(int) + 1
    coarse = rng.standard_normal(knots)
    fine = ndimage.zoom(coarse, np.asarray(shape) / knots, order=1, grid_mode=True, mode="nearest")
    return 2.5 * fine / fine.std()


def _wavy(labels: np.ndarray, spacing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every voxel takes its label from a place nearby within the slice, some 2.5 mm away."""
    across = int(np.argmax(spacing))
    inside = ndimage.find_objects((labels > 0).astype(np.uint8))
    if not inside:
        return labels
    part = labels[inside[0]]
    places = list(np.indices(part.shape, sparse=True))
    for axis in {0, 1, 2} - {across}:
        moved = places[axis] + np.rint(_wobble(part.shape, spacing, rng) / spacing[axis]).astype(int)
        places[axis] = np.clip(moved, 0, part.shape[axis] - 1)
    mask = np.zeros_like(labels)
    mask[inside[0]] = part[tuple(places)]
    return mask


def _shifted(labels: np.ndarray, spacing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The whole mask lies 5 mm aside, within the slice."""
    axis = int(np.argmin(spacing))
    steps = max(1, round(5 / spacing[axis]))
    moved = np.roll(labels, steps, axis)
    moved[(slice(None),) * axis + (slice(0, steps),)] = 0
    return moved


def _shrunk(labels: np.ndarray, spacing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """What lies within 2 mm of the background in its slice is left out."""
    across = int(np.argmax(spacing))
    kept = np.zeros_like(labels)
    for place in np.flatnonzero((labels > 0).any(axis=tuple({0, 1, 2} - {across}))):
        cut = (slice(None),) * across + (place,)
        depth = ndimage.distance_transform_edt(labels[cut] > 0, np.delete(spacing, across))
        kept[cut] = np.where(depth > 2, labels[cut], 0)
    return kept


def _levels_swapped(labels: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each connected focus of the exam's two highest levels is the other with a chance of 1 in 3."""
    highest = int(labels.max())
    mask = labels.copy()
    if highest < 2:
        return mask
    for level, other in ((highest - 1, highest), (highest, highest - 1)):
        foci, n = ndimage.label(labels == level)
        swapped = np.flatnonzero(rng.random(n) < 1 / 3) + 1
        mask[np.isin(foci, swapped)] = other
    return mask


def _some_missing(labels: np.ndarray, spacing: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """About one exam in four is not handed in; the others are wavy."""
    return None if rng.random() < 0.25 else _wavy(labels, spacing, rng)


SIMULATED_TEAMS = (
    SimulatedTeam("sim-wavy", "labels taken from some 2.5 mm away, smoothly", _wavy),
    SimulatedTeam("sim-shifted", "the whole mask 5 mm aside", _shifted),
    SimulatedTeam("sim-shrunk", "2 mm of every border left out", _shrunk),
    SimulatedTeam("sim-confused", "a third of the foci of the two highest levels swapped", _levels_swapped),
    SimulatedTeam("sim-absent", "as sim-wavy, and one exam in four not handed in", _some_missing),
)


def add_simulated_teams(board: Board, reference: Reference, *, seed: int) -> list[Added]:
    """Add every simulated team by the way that teams take: masks in a folder, checked and scored."""
    consensus = {exam: reference.consensus_map(exam) for exam in reference.files}
    added = []
    for team in SIMULATED_TEAMS:
        about = Description(method=f"Consensus of the readers: {team.method}")
        with TemporaryDirectory() as name:
            for exam, mask in team.masks(consensus, seed).items():
                write_volume(Path(name) / f"{exam}.nii.gz", Volume(mask.array, mask.affine))
            added.append(add_submission(board, team.name, Path(name), reference, about=about, simulated=True))
    return added
