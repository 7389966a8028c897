"""Who is scored: folders of masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bmseg.errors import InputError
from bmseg.wording import command
from bmseg.workspace import Workspace


@dataclass(frozen=True)
class Raters:
    """Folders of ``<exam>.nii.gz`` masks.

    Parameters
    ----------
    readers : mapping of str to Path
        Their masks make the consensus.
    models : mapping of str to Path
        Scored beside the readers.
    exams : sequence of str, optional
        The exams that must be there; by default those of the first reader.
    """

    readers: Mapping[str, Path]
    models: Mapping[str, Path]
    exams: Sequence[str] | None = None


def workspace_raters(workspace: Workspace) -> Raters:
    """The raters of a workspace: the data set's readers and every method with predictions.

    Raises
    ------
    InputError
        When the data set has no test exam or no method has made predictions.
    dataset_conversion.images.volume.ConversionError
        When there is no finished data set.
    """
    exams, models = workspace.test_exams(), workspace.methods()
    if not models:
        raise InputError(
            f"{workspace.predictions_root}: found no method's predictions, expected at least one; "
            f"run '{command('predict', workspace=workspace.root)}' first"
        )
    return Raters(workspace.readers(), models, exams)
