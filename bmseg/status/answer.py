"""What a workspace's evaluation says, and where it is borne out: verdicts, failures, what to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bmseg.errors import WorkError
from bmseg.report.scores import by_exam, exam_means
from bmseg.scoring.evaluation import Evaluation, mask_name
from bmseg.viewer import viewer_link, worst_slice
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from evaluation.statistics.words import number, plural
from evaluation.study.brief import CONSENSUS, answers, look_out
from evaluation.study.lineage import judged
from evaluation.study.tables import CONSENSUS_AUDIT, FAIR_DICE, said_first

# More models are left to the report.
_MOST_MODELS = 6
_MOST_VERDICTS = 12


@dataclass(frozen=True)
class Sentence:
    """What is said, what it is about, and title to page where it is borne out."""

    about: str
    words: str
    places: dict[str, Path | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What was found; how models failed; what might be overlooked."""

    found: tuple[Sentence, ...] = ()
    #: The verdicts behind it in full, with their intervals.
    in_full: tuple[str, ...] = ()
    failed: tuple[Sentence, ...] = ()
    careful: tuple[Sentence, ...] = ()


def answer_of(workspace: Workspace, *, current: bool = True) -> Answer:
    """What the evaluation of a workspace says; nothing where there is none that can be read.

    `current`: whether the masks that lie there are those that were scored.
    """
    try:
        evaluation = Evaluation.read(workspace.evaluation, workspace.study_file, skipped=True)
        found = evaluation.found
        in_full = said_first(found)
        if (left := len(in_full) - _MOST_VERDICTS) > 0:
            in_full = [*in_full[:_MOST_VERDICTS], f"{plural(left, 'sentence')} more: see the report."]
        return Answer(
            tuple(Sentence(one.about, one.words, _reported(workspace, one.part)) for one in answers(found)),
            tuple(in_full),
            tuple(_failures(evaluation, workspace, current=current)),
            tuple(
                Sentence(
                    one.about,
                    one.words,
                    {**_pictures(evaluation, workspace, one.about), **_reported(workspace, one.part)},
                )
                for one in look_out(found)
            ),
        )
    except (ValueError, KeyError, OSError, WorkError):
        # What is wrong with it stands among the stages.
        return Answer()


def _reported(workspace: Workspace, part: str) -> dict[str, Path | str]:
    """The part of the report that bears a sentence out, where there is one."""
    return {"Report": f"{workspace.report}#{part}"} if workspace.report.is_file() else {}


def _failures(evaluation: Evaluation, workspace: Workspace, *, current: bool) -> Iterator[Sentence]:
    """The exam in which each model did worst, and where to see it; `current` as of `answer_of`."""
    found = evaluation.found
    means = exam_means(found)
    scores = by_exam(found)
    by = " by the fair scores" if FAIR_DICE in found else f" against {found.reference}"
    for model in judged(found)[:_MOST_MODELS]:
        known = means[model].dropna().sort_values(kind="stable") if model in means else means.iloc[:0, 0]
        if known.empty:
            continue
        worst = str(known.index[0])
        of_exam = scores[(scores.exam == worst) & (scores.rater == model)].set_index("level").dice
        levels = ", ".join(
            f"{found.shown(level)} {number(of_exam.get(level))}" for level in found.design.spoken_of
        )
        others = "; no other exam can be held against it"
        if len(known) > 1:
            low, high = number(known.iloc[1]), number(known.iloc[-1])
            others = f"; in the other {plural(len(known) - 1, 'exam')} {low} to {high}"
        called = found.shown(model)
        words = f"{called} did worst in {worst}: mean Dice {number(known.iloc[0])}{by} ({levels}){others}."
        if current and (on := _slice_with_most(evaluation, workspace, worst, model)):
            words += f" It differs from the yardstick most on slice {on}."
        yield Sentence(called, found.titled.own_words(words), _seen(workspace, worst, model))


def _slice_with_most(evaluation: Evaluation, workspace: Workspace, exam: str, model: str) -> int | None:
    """The slice, as the viewer counts them, on which a model's mask has most errors; None where none can."""
    yardstick = evaluation.folder / mask_name(exam, "yardstick")
    reference_path = yardstick if yardstick.is_file() else evaluation.consensus(exam)
    files = reference_path, workspace.predictions(model) / f"{exam}.nii.gz"
    if not all(path.is_file() for path in files):
        return None
    reference, mask = (read_volume(path).stored_as(evaluation.study.plane) for path in files)
    return worst_slice(mask.array, reference.array)


def _seen(workspace: Workspace, exam: str, rater: str, level: str | None = None) -> dict[str, Path | str]:
    """Where an exam can be looked at, on the slice on which a rater has most errors."""
    page = workspace.pages["Exams"]
    if not page.is_file():
        return {}
    return {f"See {exam}": viewer_link(exam, rater=rater, level=level, folder=str(page.parent))}


def _pictures(evaluation: Evaluation, workspace: Workspace, about: str) -> dict[str, Path | str]:
    """Of the audits of the consensus: the exams in which it does most that nobody would expect."""
    found = evaluation.found
    if about != CONSENSUS or CONSENSUS_AUDIT not in found:
        return {}
    rows = found[CONSENSUS_AUDIT]
    rows = rows[rows.kind == "overruled"].sort_values("voxels", ascending=False, kind="stable")
    places: dict[str, Path | str] = {}
    for row in rows.drop_duplicates("exam").head(2).itertuples():
        picture = evaluation.folder / "figures" / f"audit_{row.exam}.png"
        if picture.is_file():
            places[f"Votes and consensus of {row.exam}"] = picture
        places |= _seen(workspace, row.exam, "consensus", row.level)
    return places
