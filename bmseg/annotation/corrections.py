"""What a reader changed in a pre-drawn mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.measures.dice import Dice, EmptyMask

#: Columns of `changes`, in order.
CHANGE_COLUMNS = [
    "level", "dice", "added", "removed", "n_proposal", "n_corrected", "added_ml", "removed_ml",
]  # fmt: skip


def changes(
    proposal: np.ndarray,
    corrected: np.ndarray,
    levels: Mapping[str, Sequence[int]],
    *,
    voxel_ml: float,
    empty_mask: EmptyMask = EmptyMask.UNDEFINED,
) -> pd.DataFrame:
    """What became of each level of a proposal when a reader corrected it.

    Parameters
    ----------
    proposal, corrected : ndarray of int, shape (i, j, k)
    levels : mapping of str to sequence of int
        Name of a level or group to its mask values.
    voxel_ml : float
        Volume of a voxel.
    empty_mask : EmptyMask
        What Dice is where both have none of the level.

    Returns
    -------
    DataFrame
        A row a level, `CHANGE_COLUMNS`: Dice of proposal to corrected mask, voxels of the level that the
        reader added and removed, voxels before and after; volumes in ml. A voxel moved from one level to
        another is removed from the one and added to the other.

    Raises
    ------
    ValueError
        When the shapes differ.

    Examples
    --------
    >>> before, after = np.array([[[1, 1, 2, 0]]]), np.array([[[1, 2, 2, 0]]])
    >>> changes(before, after, {"level1": [1], "level2": [2]}, voxel_ml=0.001)[["added", "removed"]]
       added  removed
    0      0        1
    1      1        0
    """
    rows = []
    for name, values in levels.items():
        dice = Dice(tuple(values), empty_mask)(corrected, proposal)
        before, after = np.isin(proposal, values), np.isin(corrected, values)
        added, removed = int((after & ~before).sum()), int((before & ~after).sum())
        rows.append((name, dice, added, removed, int(before.sum()), int(after.sum()),
                     added * voxel_ml, removed * voxel_ml))  # fmt: skip
    return pd.DataFrame(rows, columns=CHANGE_COLUMNS)


@dataclass(frozen=True)
class Effort:
    """Voxels that a correction touched, each counted once.

    Parameters
    ----------
    changed : int
        With another value than proposed.
    marked : int
        With a level in the corrected mask: what is to be drawn when one begins from nothing.
    proposed, kept : int
        With a level in the proposal, and those of them with the same level in the corrected mask.
    """

    changed: int
    marked: int
    proposed: int
    kept: int

    @classmethod
    def of(cls, proposal: np.ndarray, corrected: np.ndarray) -> Effort:
        """Compare a proposal with its corrected mask, both of shape (i, j, k)."""
        if proposal.shape != corrected.shape:
            raise ValueError(f"shape: found {proposal.shape}, expected {corrected.shape}")
        same = proposal == corrected
        return cls(
            changed=int((~same).sum()),
            marked=int((corrected > 0).sum()),
            proposed=int((proposal > 0).sum()),
            kept=int((same & (proposal > 0)).sum()),
        )

    @property
    def saved(self) -> float:
        """1 - changed / marked: 1 where nothing was to be changed, 0 where as much as drawing from nothing.

        Below 0 where the proposal was more work than an empty mask; NaN where nothing is marked.
        """
        return 1 - self.changed / self.marked if self.marked else float("nan")

    @property
    def share_kept(self) -> float:
        """Share of the proposal's marked voxels that the reader left; NaN where nothing was proposed."""
        return self.kept / self.proposed if self.proposed else float("nan")
