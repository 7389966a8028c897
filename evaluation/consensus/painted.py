"""A consensus on the voxels: a label map with its grid, ready to be shown or saved."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_conversion.images import Volume, write_volume
from evaluation.consensus.audit import audit, told
from evaluation.consensus.result import Consensus
from evaluation.statistics.words import labels_for_levels


@dataclass(frozen=True, eq=False, repr=False)
class ConsensusMap:
    """A consensus painted onto the voxels."""

    #: The label map on the grid of the masks; of plain arrays voxels count as 1 mm.
    volume: Volume
    #: How each vote pattern was decided, and what that says of each rater.
    consensus: Consensus
    #: Whether labels are levels in rising order.
    ordered: bool = True

    def __repr__(self) -> str:
        return f"<ConsensusMap of {' x '.join(map(str, self.label.shape))} voxels: {self.consensus!r}>"

    @property
    def label(self) -> np.ndarray:
        """The label map, in the shape of the masks."""
        return self.volume.array

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader of the consensus should know, by its search and by an audit."""
        said = told(self.consensus, audit(self.consensus, ordered=self.ordered))
        return tuple(said if self.ordered else map(labels_for_levels, said))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the label map as a NIfTI file, ``<name>.nii.gz``; returns its path."""
        written = Path(path)
        if not written.name.endswith(".nii.gz"):
            raise ValueError(f"{written}: found another ending, expected .nii.gz")
        written.parent.mkdir(parents=True, exist_ok=True)
        write_volume(written, in_space(self.volume))
        return written


def in_space(volume: Volume) -> Volume:
    """Of three dimensions, as files have."""
    array = volume.array
    return replace(volume, array=array.reshape(array.shape + (1,) * (3 - array.ndim)))
