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
    """What became of each level (or group) of a proposal when a reader corrected it.

    Masks are of one shape (i, j, k), else it is a ValueError; `levels` are names to mask values,
    `empty_mask` says what Dice is where both have none of the level. Returned are, a row a level,
    `CHANGE_COLUMNS`: Dice of proposal to corrected mask, voxels of the level that the reader added and
    removed, voxels before and after; volumes in ml. A voxel moved from one level to another is removed from
    the one and added to the other.

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
    """Voxels that a correction touched, each counted once."""

    #: With another value than proposed.
    changed: int
    #: With a level in the corrected mask: what is to be drawn when one begins from nothing.
    marked: int
    #: With a level in the proposal.
    proposed: int
    #: Those of them with the same level in the corrected mask.
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
