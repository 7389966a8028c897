"""From folders of masks to an evaluation: consensus, scores, tables and figures, written and as an object."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.scoring.evaluation import (
    KEPT_STUDY,
    Evaluation,
    mask_name,
    names_written,
    output_of,
    refuse_among_results,
)
from bmseg.scoring.exams import all_faults, score_each
from bmseg.scoring.kept import Kept, KeptExam
from bmseg.scoring.masks import bytes_of, without_size
from bmseg.scoring.prepared import Prepared, prepare, prepare_workspace
from bmseg.scoring.raters import Raters
from bmseg.study import Study
from bmseg.workspace import Workspace
from dataset_conversion.files import write_bytes
from evaluation.comparison.patients import PATIENT
from evaluation.failures.covariates import CATEGORIES, check_cohort
from evaluation.figures.files import save_figure
from evaluation.study import Design, ReaderStudy, ScoredExam, patients
from evaluation.study.drawing import MOST_OWN, audit_figure
from evaluation.study.incomplete import warnings
from evaluation.study.lineage import twins_told
from evaluation.study.tables import TABLES
from evaluation.study.titles import in_sentence

# Of all masks and probabilities together, as of ten knees and six raters: processes are worth their start.
_LARGE_BYTES = 400_000


def evaluate_workspace(workspace: Workspace, **given: Any) -> Evaluation:
    """Evaluate what `prepare_workspace` finds, as `evaluate` does."""
    return evaluate_prepared(prepare_workspace(workspace, **given))


def evaluate(study: Study, study_file: Path, raters: Raters, out: Path, **given: Any) -> Evaluation:
    """Evaluate what `bmseg.scoring.prepared.prepare` finds, as `evaluate_prepared` does.

    Parameters and errors are theirs.
    """
    return evaluate_prepared(prepare(study, study_file, raters, out, **given))


def evaluate_prepared(given: Prepared) -> Evaluation:
    """Score readers and models against the readers' consensus and write everything into the folder.

    Writes ``consensus/<exam>.nii.gz`` by the study's own rule, ``yardstick/<exam>.nii.gz``, the tables that
    `evaluation.study.tables` declares, ``figures/`` and, last, ``provenance.json``. When the folder already
    holds the results of the same inputs, nothing is done; earlier results, and what followed from them, are
    replaced only when all is well. Of large masks, exams are scored in processes and kept
    (`bmseg.scoring.kept`): those that were scored from the same files before are not scored again.

    Raises
    ------
    InputError
        When inputs lie among the results, the folder holds files of others that results would overwrite, or
        the cohort has nothing that exams are told apart by.
    evaluation.statistics.intervals.StatisticsError
        When the cohort has not one row of every exam.
    evaluation.masks.reading.MaskError
        When masks are damaged, on another grid or hold an undeclared label: all that cannot be scored, a line
        each.
    """
    output, design, readers, models = output_of(given.out), given.design, given.readers, given.models
    if output.made_from(given.inputs):
        return Evaluation.read(given.out, given.study_file, skipped=True)
    check_place(given)
    kept = Kept.below(given.out)
    size = sum(bytes_of(files) for files in (given.files, given.maps))
    large = size > _LARGE_BYTES or kept.folder.is_dir()
    with (
        output.replaced(given.inputs) as made,
        all_faults(given.scoring, given.exams, processes=None if large else 1),
        _progress(len(given.exams), design, models) as bar,
    ):
        by_name: dict[str, ScoredExam] = {}
        for exam, scored, labels in score_each(given.scoring, given.exams, kept, alone=not large):
            for kind, content in labels.items():
                write_bytes(made.folder / mask_name(exam, kind), content)
            if picture := scored.picture:
                sheet = audit_figure(design, exam, picture)
                save_figure(sheet, made.folder / "figures", f"audit_{exam}", endings=("png",))
                # Figures are circles of objects: of many exams, tens of them would wait in memory.
                del sheet
                gc.collect()
            by_name[exam] = scored
            bar.update()
        # What the record names is what was scored.
        given.check_unchanged()
        done = [by_name[exam.name] for exam in given.exams]
        kept.keep_only(done)
        found = ReaderStudy.of(design, done, readers, models, given.facts)
        for table in TABLES:
            if table in found:
                for name, text in table.texts(found).items():
                    made.write(name, text)
            bar.update()
        if given.study_text:
            made.write(KEPT_STUDY, given.study_text)
        write_figures(found, made.folder / "figures", bar)
        # Each warning once, with the exams that it is about.
        warned: dict[str, list[str]] = {}
        for name, warning in ((scored.name, warning) for scored in done for warning in scored.warnings):
            warned.setdefault(warning, []).append(name)
        shown = found.titled
        made.facts["warnings"] = shown.own_words(
            [
                *given.warned,
                *twins_told(shown),
                *filter(None, [without_size(given.files, given.scoring.reading)]),
                *warnings(shown),
                *patients.told(shown),
                *(
                    f"{', '.join(names)}: {in_sentence(warning, found.titles)}"
                    for warning, names in warned.items()
                ),
            ]
        )
    earlier = sum(isinstance(each, KeptExam) and each.earlier for each in done)
    return Evaluation(given.out, given.study, found, made.record, earlier=earlier)


def score_share(given: Prepared, share: int, of: int) -> tuple[int, int]:
    """Score every `of`-th exam alone, from the `share`-th (counted from 1), and keep it for the evaluation.

    For several processes or machines that share an evaluation's folder: whoever then evaluates finds all
    exams scored. Answers how many exams the share has, and of how many that had been done before. Errors are
    those of `evaluate_prepared`.
    """
    check_place(given)
    exams = given.exams[share - 1 :: of]
    with all_faults(given.scoring, exams, processes=None):
        scored = score_each(given.scoring, exams, Kept.below(given.out))
        bar = tqdm(scored, total=len(exams), desc=f"share {share} of {of}", unit="exam", disable=None)
        earlier = sum(isinstance(found, KeptExam) and found.earlier for _, found, _ in bar)
    return len(exams), earlier


def check_place(given: Prepared) -> None:
    """Refuse what would end badly, or cost somebody's files, before anything is scored."""
    exams = [exam.name for exam in given.exams]
    folders = [
        *((f"masks of {rater}", masks) for rater, masks in given.files.items()),
        *((f"probabilities of {model}", maps) for model, maps in given.maps.items()),
        *((f"where {reader} drew", regions) for reader, regions in given.drawn.regions.items()),
        ("regions", given.allowed),
    ]
    inputs = [(what, exam, path) for what, files in folders for exam, path in files.items()]
    inputs += [("images", name.partition("/")[0], path) for name, path in given.images.items()]
    refuse_among_results(given.out, inputs)
    output_of(given.out).check(names_written(exams))
    if given.facts is None or given.cohort is None:
        return
    wanted = [PATIENT, *CATEGORIES, "age"]
    # Of a data set's own cohort.csv nobody said that it holds any.
    is_own = (given.cohort.parent / "dataset.json").is_file()
    if not is_own and not {*wanted} & {*given.facts}:
        raise InputError(
            f"{given.cohort}: column: found {', '.join(given.facts)}, expected exam and some of "
            f"{', '.join(wanted)}"
        )
    check_cohort(given.facts, exams, str(given.cohort))


def write_figures(found: ReaderStudy, folder: Path, bar: tqdm) -> None:
    """Write every figure of a study."""
    for name, figure in found.figures():
        save_figure(figure, folder, name)
        bar.update()


@contextmanager
def _progress(n_exams: int, design: Design, models: Sequence[str]) -> Iterator[tqdm]:
    """A bar over all of an evaluation: exams, tables and about as many figures as there will be."""
    figures = 8 + 5 * min(len(models), MOST_OWN) + min(len(design.by_name), MOST_OWN)
    with tqdm(total=n_exams + len(TABLES) + figures, desc="evaluate", unit="step", disable=None) as bar:
        yield bar
        bar.total = bar.n
        bar.refresh()
