"""From folders of masks to an evaluation: consensus, scores, tables and figures, written and as an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.outputs.provenance import file_hash, text_hash
from bmseg.scoring.drawn import EVERYWHERE, Drawn
from bmseg.scoring.evaluation import KEPT_STUDY, Evaluation, kept_study, mask_name, output_of
from bmseg.scoring.exams import Scoring, all_faults, score_each
from bmseg.scoring.kept import FOLDER as KEPT_EXAMS
from bmseg.scoring.kept import Kept, KeptExam
from bmseg.scoring.lineage import refuse_proposed
from bmseg.scoring.masks import (
    Reading,
    bytes_of,
    hashes_beside,
    images_of,
    list_masks,
    masks_hash,
    of_exams,
    refuse_missing_labels,
    without_size,
)
from bmseg.scoring.probable import list_probabilities
from bmseg.scoring.raters import Raters, check_names, first_and_second, matched, workspace_raters
from bmseg.scoring.regions import regions_of
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.files import write_bytes
from dataset_conversion.raw.cohort_table import read_facts
from evaluation.figures.files import save_figure
from evaluation.measures.kinds import READERS
from evaluation.study import Design, ReaderStudy, ScoredExam, Unit
from evaluation.study.drawing import audit_figure
from evaluation.study.incomplete import warnings
from evaluation.study.lineage import twins_told
from evaluation.study.tables import TABLES

_AS_THEY_ARE = Reading()
# Of all masks together, as of ten knees and six raters: processes are worth their start.
_LARGE_BYTES = 400_000


def evaluate_workspace(
    workspace: Workspace,
    *,
    out: Path | None = None,
    unit: Unit = "exam",
    margin: float | None = None,
    cohort: Path | None = None,
    regions: Path | None = None,
    taught_by: Mapping[str, Sequence[str]] | None = None,
    incomplete: bool = False,
    drawn: Drawn = EVERYWHERE,
) -> Evaluation:
    """Evaluate the readers and every method with predictions of a workspace, as `evaluate` does.

    Parameters are those of `evaluate`; folder and cohort are by default the workspace's. `taught_by` goes
    before what the workspace knows of who taught its methods. Errors are those of
    `workspace_raters` and `evaluate`.
    """
    raters = workspace_raters(workspace)
    return evaluate(
        workspace.study,
        workspace.study_file,
        replace(raters, taught_by={**raters.taught_by, **(taught_by or {})}),
        out or workspace.evaluation,
        synthetic=workspace.is_synthetic,
        unit=unit,
        margin=margin,
        cohort=cohort or workspace.dataset.cohort_path,
        regions=regions,
        incomplete=incomplete,
        drawn=drawn,
    )


def evaluate(
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
) -> Evaluation:
    """Score readers and models against the readers' consensus and write everything to `out`.

    Writes ``consensus/<exam>.nii.gz`` by the study's own rule, ``yardstick/<exam>.nii.gz``, the tables that
    `evaluation.study.tables` declares, ``figures/`` and, last, ``provenance.json``. When `out` already holds
    the results of the same inputs, nothing is done; earlier results, and what followed from them, are
    replaced only when all is well.

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
        When masks are missing, extra, damaged, on another grid or hold an undeclared label; those that cannot
        be scored are all named, a line each.
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
    design = replace(
        study.design(unit=unit, margin=margin, synthetic=synthetic, incomplete=incomplete),
        taught_by=dict(raters.taught_by),
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
        | beside
        | reading.facts
    )
    output = output_of(out)
    if output.made_from(inputs):
        return Evaluation.read(out, study_file, skipped=True)
    scoring = Scoring(study, design, readers, reading, [*files, *maps])
    of_exam = scoring.of_exams(exams, files, maps, allowed, drawn)
    large = bool(maps) or bytes_of(files) > _LARGE_BYTES
    kept = Kept(out / KEPT_EXAMS) if large else None
    with (
        output.replaced(inputs) as made,
        all_faults(scoring, of_exam, processes=None if large else 1),
        _progress(len(exams), design, models) as bar,
    ):
        by_name: dict[str, ScoredExam] = {}
        for exam, scored, labels in score_each(scoring, of_exam, kept):
            for kind, content in labels.items():
                write_bytes(made.folder / mask_name(exam, kind), content)
            if picture := scored.picture:
                sheet = audit_figure(design, exam, picture)
                save_figure(sheet, made.folder / "figures", f"audit_{exam}", endings=("png",))
            by_name[exam] = scored
            bar.update()
        # What the record names is what was scored.
        other = [rater for rater, known in hashes.items() if masks_hash(files[rater]) != known]
        now = hashes_beside(cohort, allowed, images, maps) | drawn.facts
        other += [name.partition("_")[0] for name, known in beside.items() if now[name] != known]
        if other:
            raise WorkError(
                f"{', '.join(other)}: found files that changed while masks were scored, expected the same "
                "to the end; run it again"
            )
        done = [by_name[exam] for exam in exams]
        if kept:
            kept.keep_only(done)
        found = ReaderStudy.of(design, done, readers, models, facts)
        for table in TABLES:
            if table in found:
                for name, text in table.texts(found).items():
                    made.write(name, text)
            bar.update()
        if study_text:
            made.write(KEPT_STUDY, study_text)
        write_figures(found, made.folder / "figures", bar)
        # Each warning once, with the exams that it is about.
        warned: dict[str, list[str]] = {}
        for name, warning in ((scored.name, warning) for scored in done for warning in scored.warnings):
            warned.setdefault(warning, []).append(name)
        made.facts["warnings"] = found.own_words(
            [
                *twins_told(found),
                *filter(None, [without_size(files, reading)]),
                *warnings(found),
                *(f"{', '.join(names)}: {warning}" for warning, names in warned.items()),
            ]
        )
    earlier = sum(isinstance(each, KeptExam) and each.earlier for each in done)
    return Evaluation(out, study, found, made.record, earlier=earlier)


def write_figures(found: ReaderStudy, folder: Path, bar: tqdm) -> None:
    """Write every figure of a study."""
    for name, figure in found.figures():
        save_figure(figure, folder, name)
        bar.update()


@contextmanager
def _progress(n_exams: int, design: Design, models: Sequence[str]) -> Iterator[tqdm]:
    """A bar over all of an evaluation: exams, tables and about as many figures as there will be."""
    figures = 8 + 5 * len(models) + len(design.by_name)
    with tqdm(total=n_exams + len(TABLES) + figures, desc="evaluate", unit="step", disable=None) as bar:
        yield bar
        bar.total = bar.n
        bar.refresh()
