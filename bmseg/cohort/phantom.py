"""The synthetic cohort as a stage of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bmseg import __version__
from bmseg.outputs import Output
from bmseg.outputs.provenance import file_hash
from bmseg.workspace import Workspace


def phantom_output(workspace: Workspace) -> Output:
    """What is on record of a workspace's synthetic cohort."""
    return Output(workspace.stages, "phantom", record="phantom.json")


def make_phantom(
    workspace: Workspace,
    *,
    training: int,
    seed: int,
    segmented: int | None = None,
    training_readers: Sequence[str] = (),
    processes: int | None = None,
) -> str:
    """Write the synthetic cohort unless it is already there; returns what to print.

    With `segmented`, only the first so many training exams have masks; the others are unread exams.
    `training_readers` draw the training exams too, beside the study's training reader.

    Raises
    ------
    InputError
        When the workspace holds a cohort that was made with other settings.
    dataset_conversion.images.ConversionError
        When the phantom cannot serve the study (another plane, other levels or readers), or the folder
        holds other exams, which are left as they are.
    """
    # It simulates: whoever asks what is on record needs none of it.
    from dataset_conversion.phantom.cohort import write_cohort

    dataset = workspace.dataset
    inputs: dict[str, Any] = {
        "seed": seed,
        "training": training,
        "study_sha256": file_hash(workspace.study_file),
        "version": __version__,
    }
    if segmented is not None:
        inputs["segmented"] = segmented
    others = sorted({*training_readers} - {dataset.spec.training_reader})
    if others:
        inputs["training_readers"] = others
    output = phantom_output(workspace)
    if output.made_from(inputs) and (dataset.folder / "dataset.json").is_file():
        return f"already made from the same inputs: {dataset.folder}"
    with output.resumed(inputs), workspace.data_held():
        write_cohort(
            dataset, training=training, segmented=segmented, seed=seed, training_readers=others,
            processes=processes,
        )  # fmt: skip
    test = len(dataset.exams("test"))
    unread = training - (training if segmented is None else segmented)
    also = f", {unread} unread exams" if unread else ""
    also += f", training exams also drawn by {', '.join(others)}" if others else ""
    return f"synthetic cohort: {training - unread} training and {test} test exams{also} in {dataset.folder}"
