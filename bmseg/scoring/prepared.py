"""What an evaluation is to be made from: found, checked and hashed before anything is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bmseg.errors import InputError, WorkError
from bmseg.outputs.provenance import file_hash, text_hash
from bmseg.scoring.drawn import EVERYWHERE, Drawn
from bmseg.scoring.evaluation import kept_study
from bmseg.scoring.exams import ExamFiles, Scoring
from bmseg.scoring.lineage import refuse_proposed
from bmseg.scoring.masks import (
    Files,
    Reading,
    hashes_beside,
    images_of,
    list_masks,
    masks_hash,
    of_exams,
    refuse_missing_labels,
)
from bmseg.scoring.probable import list_probabilities
from bmseg.scoring.raters import Raters, check_names, first_and_second, matched, workspace_raters
from bmseg.scoring.regions import regions_of
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.raw.cohort_table import read_facts
from evaluation.measures.kinds import READERS
from evaluation.study import Design, Unit

_AS_THEY_ARE = Reading()

#: In the record of a workspace's evaluation: a cohort file was named that is not the workspace's own.
COHORT_NAMED = "cohort_named"
#: Names in a record of what an evaluation was told beside its masks, which no workspace holds.
TOLD = {
    "regions_sha256": "regions", "drawn_sha256": "where readers drew", "images_sha256": "images",
    COHORT_NAMED: "a cohort file",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prepared:
    """An evaluation before anything is scored."""

    study: Study
    study_file: Path
    #: What the study file is to hold, where it is written with the results.
    study_text: str
    out: Path
    design: Design
    readers: Sequence[str]
    models: Sequence[str]
    #: How exams are scored, and each exam's files.
    scoring: Scoring
    exams: Sequence[ExamFiles]
    #: All files by rater and exam; of probabilities, of regions and of images.
    files: Files
    maps: Files
    allowed: Mapping[str, Path]
    images: Mapping[str, Path]
    cohort: Path | None
    drawn: Drawn
    #: What is known of the exams.
    facts: pd.DataFrame | None
    #: Everything that shapes the results, of JSON types.
    inputs: Mapping[str, Any]
    #: What is to be said of the raters.
    warned: Sequence[str] = ()

    def check_unchanged(self) -> None:
        """WorkError where files are not those that the inputs name any more."""
        hashes: Mapping[str, str] = self.inputs["masks_sha256"]
        other = [rater for rater, known in hashes.items() if masks_hash(self.files[rater]) != known]
        now = hashes_beside(self.cohort, self.allowed, self.images, self.maps) | self.drawn.facts
        other += [name.partition("_")[0] for name in now if self.inputs[name] != now[name]]
        if other:
            raise WorkError(
                f"{', '.join(other)}: found files that changed while masks were scored, expected the same "
                "to the end; run it again"
            )


def prepare(
    study: Study,
    study_file: Path,
    raters: Raters,
    out: Path,
    *,
    synthetic: bool = False,
    unit: Unit = "exam",
    margin: float | None = None,
    cohort: Path | None = None,
    regions: Path | None = None,
    reading: Reading = _AS_THEY_ARE,
    study_text: str = "",
    incomplete: bool = False,
    drawn: Drawn = EVERYWHERE,
) -> Prepared:
    """Find and check what an evaluation is made from.

    Parameters
    ----------
    study, study_file
        The study and the file that it was read from.
    out : Path
        Made when it does not exist.
    synthetic : bool
        Whether the images are simulated: every table and figure then says so.
    unit : {"exam", "knee"}
        What the fair table and the tests count as one; knees are clustered by exam.
    margin : float, optional
        Loss of Dice that would not matter: tests non-inferiority.
    cohort : Path, optional
        CSV with a row an exam: ``exam`` and any of ``site``, ``group``, ``age``.
    regions : Path, optional
        Folder of ``<exam>.nii.gz``, 1 where marking is allowed and 0 elsewhere.
    reading : Reading
        How files are read, where they do not say it themselves.
    study_text : str
        What the study file is to hold, where nobody wrote one: it is written into `out` with the results.
    incomplete : bool
        Whether readers may lack exams, if the study file does not say so already.
    drawn : Drawn
        Where readers drew: voxels elsewhere are left out of every count.

    Raises
    ------
    InputError
        When a reader, or who taught a model, is not one of the study's, or a reader's mask was accepted in a
        round of annotation.
    evaluation.masks.reading.MaskError
        When masks are missing or extra.
    """
    check_names(study, raters)
    study_text = study_text or kept_study(study_file, out)
    readers, again = first_and_second(study, list(raters.readers))
    if f"nsd@{READERS}" in study.scores.measures and len(readers) < 2:
        raise InputError(
            f"{study_file}: scores.measures: found nsd@{READERS} with reader {readers[0]} alone, expected "
            "two or more, whose surfaces give the tolerance; name one in mm, as nsd@2"
        )
    names = [*reading.label_map, *(level.name for level in study.levels)]
    files = {
        rater: list_masks(folder, names) for rater, folder in {**raters.readers, **raters.models}.items()
    }
    maps = {model: list_probabilities(folder) for model, folder in raters.probabilities.items()}
    models = raters.scored
    design = study.design(unit=unit, margin=margin, synthetic=synthetic, incomplete=incomplete)
    design = replace(
        design,
        taught_by=dict(raters.taught_by),
        seed_of=dict(raters.seed_of),
        titles={**design.titles, **raters.titles},
    )
    exams = matched(design, {**maps, **files}, readers, again, raters.exams)
    if both := {*maps} & {*files}:
        # Of who has masks and maps, the maps too.
        matched(design, {**files, **{model: maps[model] for model in both}}, readers, again, raters.exams)
    files, maps = of_exams(files, exams), of_exams(maps, exams)
    if drawn:
        drawn = drawn.checked({reader: files[reader] for reader in raters.readers})
        design = drawn.said(design)
    refuse_missing_labels(files, exams, reading, study)
    for reader, folder in raters.readers.items():
        refuse_proposed(reader, folder, files[reader])
    allowed, images = regions_of(regions, exams), images_of(reading, exams)
    facts = read_facts(cohort) if cohort else None
    hashes = {rater: masks_hash(of) for rater, of in files.items()}
    beside = hashes_beside(cohort, allowed, images, maps) | drawn.facts
    inputs: dict[str, Any] = (
        {
            "study": {
                "name": study.name,
                "sha256": text_hash(study_text) if study_text else file_hash(study_file),
            },
            "consensus_rule": study.consensus.rule,
            "yardstick_rule": design.yardstick,
            "seed": design.seed,
            "empty_mask": study.scores.empty_mask,
            "measures": [measure.name for measure in design.measured],
            "ignore": design.ignore,
            "one_empty": str(design.one_empty),
            "tolerance_quantile": design.tolerance_quantile,
            "foci": asdict(design.foci),
            "synthetic": synthetic,
            "readers": readers,
            "repeats": again,
            "models": models,
            "exams": list(exams),
            "masks_sha256": hashes,
            "taught_by": {model: list(names) for model, names in raters.taught_by.items()},
            "unit": unit,
            "margin": design.margin,
            "incomplete": design.incomplete,
            "cohort_sha256": None,
        }
        | {name: dict(of) for name, of in _of_networks(raters).items() if of}
        | beside
        | reading.facts
    )
    scoring = Scoring(study, design, readers, reading, [*files, *maps])
    return Prepared(
        study, study_file, study_text, out, design, readers, models, scoring,
        scoring.of_exams(list(exams), files, maps, allowed, drawn),
        files, maps, allowed, images, cohort, drawn, facts, inputs, raters.warned,
    )  # fmt: skip


def _of_networks(raters: Raters) -> dict[str, Mapping[str, str]]:
    """What a record says of models that are several networks of one method; nothing of others."""
    return {"seed_of": raters.seed_of, "titles": raters.titles}


def prepare_workspace(
    workspace: Workspace,
    *,
    out: Path | None = None,
    cohort: Path | None = None,
    taught_by: Mapping[str, Sequence[str]] | None = None,
    **given: Any,
) -> Prepared:
    """Of a workspace: its readers and every method with predictions.

    Folder and cohort are by default the workspace's, and `given` are further parameters of
    `prepare`. `taught_by` goes before what the workspace knows of who taught its
    methods. Errors are those of `workspace_raters` and `prepare`.
    """
    raters = workspace_raters(workspace)
    own = workspace.dataset.cohort_path
    found = prepare(
        workspace.study,
        workspace.study_file,
        replace(raters, taught_by={**raters.taught_by, **(taught_by or {})}),
        out or workspace.evaluation,
        synthetic=workspace.is_synthetic,
        cohort=cohort or own,
        **given,
    )
    named = cohort is not None and cohort.resolve() != own.resolve()
    return replace(found, inputs={**found.inputs, COHORT_NAMED: True}) if named else found
