"""From folders of masks to an evaluation: consensus, scores, tables and figures, written and as an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from bmseg.errors import InputError, WorkError
from bmseg.outputs.provenance import file_hash, files_hash
from bmseg.scoring.evaluation import Evaluation, mask_name, output_of
from bmseg.scoring.lineage import refuse_proposed, taught_in
from bmseg.study import Study
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.images import Volume, write_volume
from dataset_conversion.parallel import run_each
from dataset_conversion.raw.cohort_table import read_facts
from evaluation.figures.files import save_figure
from evaluation.masks.incomplete import match
from evaluation.masks.reading import MaskError, list_masks, read_mask
from evaluation.measures.kinds import READERS
from evaluation.study import Design, ReaderStudy, ScoredExam, Unit, score_exam
from evaluation.study.drawing import audit_figure
from evaluation.study.incomplete import warnings
from evaluation.study.lineage import twins_told

_ALLOW = 'incomplete = "allow" below [design] in the study file, or --incomplete'
# Of all masks together: as of ten knees and six raters.
_LARGE_BYTES = 400_000


@dataclass(frozen=True)
class Raters:
    """Folders of ``<exam>.nii.gz`` masks."""

    #: Their masks make the consensus.
    readers: Mapping[str, Path]
    #: Scored beside the readers.
    models: Mapping[str, Path]
    #: The exams that must be there; by default those of the first reader.
    exams: Sequence[str] | None = None
    #: Model to the readers whose masks it learned from, of those of whom it is known.
    taught_by: Mapping[str, Sequence[str]] = field(default_factory=dict)


def workspace_raters(workspace: Workspace) -> Raters:
    """The raters of a workspace: the data set's readers and every method with predictions.

    Errors are those of `Workspace.test_exams`, and InputError when no method has made predictions.
    """
    exams, models = workspace.test_exams(), workspace.methods()
    if not models:
        raise InputError(
            f"{workspace.predictions_root}: found no method's predictions, expected at least one; "
            f"run '{command('predict', workspace=workspace.root)}' first"
        )
    return Raters(workspace.readers(), models, exams, taught_in(workspace, models))


def refuse_other_masks(record: Mapping[str, Any], workspace: Workspace) -> None:
    """Refuse (InputError) a workspace whose masks are not those that an evaluation's record names.

    Pictures of other masks would stand beside its scores.
    """
    raters = workspace_raters(workspace)
    known = record.get("masks_sha256", {})
    other = []
    for rater, folder in {**raters.readers, **raters.models}.items():
        files = list_masks(folder)
        now = files_hash({exam: files[exam] for exam in record["exams"] if exam in files})
        if rater in known and now != known[rater]:
            other.append(rater)
    if other:
        raise InputError(
            f"{workspace.root}: masks: found others of {', '.join(other)} than were evaluated, expected the "
            f"same; run '{command('evaluate', workspace=workspace.root)}' first"
        )


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
    incomplete: bool = False,
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
    incomplete : bool
        Whether readers may lack exams, if the study file does not say so already.

    Raises
    ------
    InputError
        When a reader, or who taught a model, is not one of the study's, or a reader's mask was accepted in a
        round of annotation.
    evaluation.masks.reading.MaskError
        When masks are missing, extra, damaged, on another grid or hold an undeclared label.
    """
    _check_names(study, raters)
    if f"nsd@{READERS}" in study.scores.measures and len(raters.readers) < 2:
        raise InputError(
            f"{study_file}: scores.measures: found nsd@{READERS} with reader {next(iter(raters.readers))} "
            "alone, expected two or more, whose surfaces give the tolerance; name one in mm, as nsd@2"
        )
    files = {rater: list_masks(folder) for rater, folder in {**raters.readers, **raters.models}.items()}
    design = replace(
        study.design(unit=unit, margin=margin, synthetic=synthetic, incomplete=incomplete),
        taught_by=dict(raters.taught_by),
    )
    exams = match(files, list(raters.readers), raters.exams, incomplete=design.incomplete, how=_ALLOW)
    files = {rater: {exam: of[exam] for exam in exams if exam in of} for rater, of in files.items()}
    for reader, folder in raters.readers.items():
        refuse_proposed(reader, folder, files[reader])
    allowed = _regions(regions, exams)
    facts = read_facts(cohort) if cohort else None
    hashes = {rater: files_hash(of) for rater, of in files.items()}
    inputs: dict[str, Any] = {
        "study": {"name": study.name, "sha256": file_hash(study_file)},
        "consensus_rule": study.consensus.rule,
        "yardstick_rule": design.yardstick,
        "seed": design.seed,
        "empty_mask": study.scores.empty_mask,
        "measures": [measure.name for measure in design.measured],
        "one_empty": str(design.one_empty),
        "tolerance_quantile": design.tolerance_quantile,
        "foci": asdict(design.foci),
        "synthetic": synthetic,
        "readers": list(raters.readers),
        "models": list(raters.models),
        "exams": list(exams),
        "masks_sha256": hashes,
        "taught_by": {model: list(names) for model, names in raters.taught_by.items()},
        "unit": unit,
        "margin": design.margin,
        "incomplete": design.incomplete,
        "cohort_sha256": file_hash(cohort) if cohort else None,
    } | ({"regions_sha256": files_hash(allowed)} if allowed else {})
    output = output_of(out)
    if output.made_from(inputs):
        return Evaluation.read(out, study_file, skipped=True)
    by_name: dict[str, ScoredExam] = {}
    work = partial(_score, design, files, list(raters.readers), allowed)
    with output.replaced(inputs) as made:
        each = run_each(work, exams, died=_died, processes=None if _is_large(files, exams) else 1)
        for exam, (scored, painted) in tqdm(
            each, total=len(exams), desc="evaluate", unit="exam", disable=None
        ):
            for kind, labels in painted.items():
                write_volume(made.folder / mask_name(exam, kind), labels)
            if scored.picture:
                sheet = audit_figure(design, scored.name, scored.picture)
                save_figure(sheet, made.folder / "figures", f"audit_{exam}", endings=("png",))
            by_name[exam] = scored
        done = [by_name[exam] for exam in exams]
        found = ReaderStudy.of(design, done, list(raters.readers), list(raters.models), facts)
        for name, text in found.texts().items():
            made.write(name, text)
        write_figures(found, made.folder / "figures")
        # Each warning once, with the exams that it is about.
        warned: dict[str, list[str]] = {}
        for name, warning in ((scored.name, warning) for scored in done for warning in scored.warnings):
            warned.setdefault(warning, []).append(name)
        made.facts["warnings"] = [
            *twins_told(found),
            *warnings(found),
            *(f"{', '.join(names)}: {warning}" for warning, names in warned.items()),
        ]
    return Evaluation(out, study, found, output.read())


def _score(
    design: Design,
    files: Mapping[str, Mapping[str, Path]],
    readers: Sequence[str],
    allowed: Mapping[str, Path],
    exam: str,
) -> tuple[ScoredExam, dict[str, Volume]]:
    """An exam from its files, and its consensuses as label maps."""
    masks = {
        rater: read_mask(paths[exam], design.labels, keep_notes=True)
        for rater, paths in files.items()
        if exam in paths
    }
    region = read_mask(allowed[exam], (0, 1)) if allowed else None
    scored, painted = score_exam(design, exam, masks, readers, region)
    affine = next(iter(masks.values())).affine
    return scored, {kind: Volume(labels, affine) for kind, labels in painted.items()}


def _died(exam: str) -> NoReturn:
    raise WorkError(
        f"{exam}: the process that scored it was ended, most often for want of memory; run it again"
    )


def _is_large(files: Mapping[str, Mapping[str, Path]], exams: Sequence[str]) -> bool:
    """Whether processes that score exams side by side are worth their start, by the size of the files."""
    there = (paths[exam] for paths in files.values() for exam in exams if exam in paths)
    return sum(path.stat().st_size for path in there) > _LARGE_BYTES


def write_figures(found: ReaderStudy, folder: Path) -> None:
    """Write every figure of a study."""
    for name, figure in found.figures():
        save_figure(figure, folder, name)


def _check_names(study: Study, raters: Raters) -> None:
    if unknown := [name for name in raters.readers if name not in study.reader_names]:
        raise InputError(
            f"reader: found {', '.join(unknown)}, expected one of {', '.join(study.reader_names)} "
            f"(the readers of study {study.name}); name them in the study file"
        )
    for model, names in raters.taught_by.items():
        if model not in raters.models:
            known = ", ".join(raters.models) or "none"
            raise InputError(f"taught by: found model {model}, expected one of {known}")
        if unknown := [name for name in names if name not in study.reader_names]:
            raise InputError(
                f"taught by: {model}: found {', '.join(unknown)}, expected some of "
                f"{', '.join(study.reader_names)} (the readers of study {study.name})"
            )
    if both := set(raters.readers) & set(raters.models):
        raise InputError(f"prediction: found {', '.join(sorted(both))}, which is a reader; rename it")


def _regions(folder: Path | None, exams: Sequence[str]) -> dict[str, Path]:
    """The region mask of every exam; empty without a folder."""
    if folder is None:
        return {}
    files = list_masks(folder)
    if missing := [exam for exam in exams if exam not in files]:
        raise MaskError(f"{folder}: found no region of exam {', '.join(missing)}, expected one of every exam")
    return {exam: files[exam] for exam in exams}
