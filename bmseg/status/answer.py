"""What a workspace's evaluation says, and where it is borne out: verdicts, failures, what to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bmseg.errors import WorkError
from bmseg.scoring.evaluation import Evaluation
from bmseg.viewer import viewer_link
from bmseg.workspace import Workspace
from evaluation.scores.fair import over_consensuses
from evaluation.statistics.words import number, plural
from evaluation.study import ReaderStudy
from evaluation.study.brief import answers, look_out
from evaluation.study.lineage import judged
from evaluation.study.tables import CONSENSUS_AUDIT, DICE, FAIR_DICE, said_first

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


def answer_of(workspace: Workspace) -> Answer:
    """What the evaluation of a workspace says; nothing where there is none that can be read."""
    try:
        evaluation = Evaluation.read(workspace.evaluation, workspace.study_file, skipped=True)
        found = evaluation.found
        in_full = said_first(found)
        if (left := len(in_full) - _MOST_VERDICTS) > 0:
            in_full = [*in_full[:_MOST_VERDICTS], f"{plural(left, 'sentence')} more: see the report."]
        return Answer(
            tuple(Sentence(one.about, one.words, _reported(workspace, one.part)) for one in answers(found)),
            tuple(in_full),
            tuple(_failures(found, workspace)),
            tuple(
                Sentence(
                    one.about,
                    one.words,
                    {**_pictures(evaluation, workspace, one.part), **_reported(workspace, one.part)},
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


def _failures(found: ReaderStudy, workspace: Workspace) -> Iterator[Sentence]:
    """The exam in which each model did worst, and where to see it."""
    fair = found[FAIR_DICE] if FAIR_DICE in found else found[DICE]
    scores = over_consensuses(fair) if "left_out" in fair else fair
    scores = scores[scores.level.isin(found.design.spoken_of)]
    for model in judged(found)[:_MOST_MODELS]:
        own = scores[scores.rater == model]
        means = own.groupby("exam").dice.mean().dropna().sort_values(kind="stable")
        if means.empty:
            continue
        worst = str(means.index[0])
        of_exam = own[own.exam == worst]
        levels = ", ".join(f"{row.level} {number(row.dice)}" for row in of_exam.itertuples())
        others = "; no other exam can be held against it"
        if len(means) > 1:
            low, high = number(means.iloc[1]), number(means.iloc[-1])
            others = f"; in the other {plural(len(means) - 1, 'exam')} {low} to {high}"
        by = " by the fair scores" if "left_out" in fair else f" against {found.reference}"
        words = f"{model} did worst in {worst}: mean Dice {number(means.iloc[0])}{by} ({levels}){others}."
        yield Sentence(model, found.own_words(words), _seen(workspace, worst, model))


def _seen(workspace: Workspace, exam: str, rater: str, level: str | None = None) -> dict[str, Path | str]:
    """Where an exam can be looked at, on the slice on which a rater has most errors."""
    page = workspace.pages["Exams"]
    if not page.is_file():
        return {}
    return {f"See {exam}": viewer_link(exam, rater=rater, level=level, folder=str(page.parent))}


def _pictures(evaluation: Evaluation, workspace: Workspace, part: str) -> dict[str, Path | str]:
    """Of the audits of the consensus: the exams in which it does most that nobody would expect."""
    found = evaluation.found
    if part != "consensus" or CONSENSUS_AUDIT not in found:
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
