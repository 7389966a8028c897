"""A workspace's methods beside its readers, against each other, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bmseg.errors import InputError
from bmseg.scoring.costs import costs
from bmseg.scoring.drawn import EVERYWHERE, Drawn
from bmseg.scoring.evaluate import evaluate_workspace
from bmseg.scoring.evaluation import Evaluation, output_of
from bmseg.scoring.prepared import COHORT_NAMED, TOLD
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.files import write_if_changed
from evaluation.comparison.models import of_models
from evaluation.comparison.verdicts import pairs_in_words
from evaluation.study import Unit
from evaluation.study.seeds import METHODS_OVER_SEEDS
from evaluation.study.tables import METHODS_COMPARED, fair_table, methods_table, said_first, usual_table
from evaluation.study.titles import renamed
from evaluation.table import Table

#: Where no method was trained with several seeds.
ONE_SEED = (
    "Each method is one network here: a difference of two says nothing of how far networks of one method "
    "differ by their seed (bmseg train --seeds 3)."
)


@dataclass(frozen=True)
class Comparison:
    """Methods compared."""

    #: Table 1, readers and methods; paired differences between methods; costs.
    tables: list[Table]
    #: Which method is better, whether they reach the readers, then every difference in words.
    sentences: list[str]
    #: What it rests on.
    evaluation: Evaluation

    def to_markdown(self) -> str:
        """Tables and sentences, one below the other."""
        sentences = "".join(f"- {sentence}\n" for sentence in self.sentences)
        return "\n".join([*(table.to_markdown() for table in self.tables), sentences])


def compare_methods(
    workspace: Workspace,
    methods: Sequence[str] = (),
    *,
    unit: Unit | None = None,
    margin: float | None = None,
    cohort: Path | None = None,
    regions: Path | None = None,
    drawn: Drawn = EVERYWHERE,
) -> Comparison:
    """Evaluate a workspace where that is not done, and compare its methods.

    Writes ``costs.{csv,md,html}`` of all methods into the evaluation's folder; what compares methods stands
    there already (`bmseg.scoring.evaluate.evaluate`).

    Parameters
    ----------
    methods : sequence of str
        Compare these only; Holm then adjusts their pairs alone. By default all with predictions.
    unit, margin, cohort, regions, drawn
        Of `bmseg.scoring.evaluate.evaluate_workspace`. By default unit and margin are those of the
        evaluation that is there.

    Raises
    ------
    InputError
        When there are fewer than two methods, one that is named has no predictions, or the evaluation was
        told of regions, of what readers drew or of a cohort file that are not given.
    evaluation.masks.reading.MaskError
        When masks are missing, damaged or on another grid.
    """
    present = workspace.methods()
    chosen = _chosen(workspace, present, methods)
    earlier = output_of(workspace.evaluation).read()
    given = {"regions_sha256": regions, "drawn_sha256": drawn, COHORT_NAMED: cohort}
    if lacking := [TOLD[name] for name, one in given.items() if name in earlier and not one]:
        raise InputError(
            f"{workspace.evaluation}: found an evaluation that was told {' and '.join(lacking)}, expected "
            f"the same named again; without, evaluate first: {command('evaluate', workspace=workspace.root)}"
        )
    done = evaluate_workspace(
        workspace,
        unit=unit or earlier.get("unit", "exam"),
        margin=earlier.get("margin") if margin is None else margin,
        taught_by={name: who for name, who in earlier.get("taught_by", {}).items() if name in present},
        cohort=cohort,
        regions=regions,
        drawn=drawn,
        incomplete=earlier.get("incomplete", False),
    )
    with output_of(workspace.evaluation).kept(done.record):
        return _compared(workspace, done, list(present), chosen)


def _compared(workspace: Workspace, done: Evaluation, present: list[str], chosen: list[str]) -> Comparison:
    every = costs(workspace, present, done.found.titles)
    for ending, text in (("csv", every.to_csv()), ("md", every.to_markdown()), ("html", every.to_html())):
        write_if_changed(workspace.evaluation / f"costs.{ending}", text)
    found = done.found
    table1 = (fair_table if found.has_consensus else usual_table)(found, [*found.readers, *chosen])
    tables, sentences = [table1], said_first(found, chosen)
    # Of two methods one may be a copy, and then there is no pair.
    if METHODS_COMPARED in found:
        pairs = of_models(found[METHODS_COMPARED], chosen, found.design.spoken_of)
        if len(pairs):
            tables.append(methods_table(found, pairs))
            sentences += pairs_in_words(renamed(pairs, found.titles))
        if not found.design.seed_of:
            sentences.append(ONE_SEED)
    further = [found.shown(name) for name in chosen if name in found.design.seed_of]
    if further and len(chosen) < len(found.models):
        sentences.append(
            f"{', '.join(further)}: of several networks of a method the first is judged and paired with "
            f"others; all of them together in {METHODS_OVER_SEEDS.name}.csv."
        )
    sentences += found.titled.design.notes
    return Comparison([*tables, costs(workspace, chosen, found.titles)], sentences, done)


def _chosen(workspace: Workspace, present: Mapping[str, Path], methods: Sequence[str]) -> list[str]:
    """The methods to compare, in the evaluation's order."""
    found = ", ".join(present) or "none"
    if unknown := [method for method in methods if method not in present]:
        names = ", ".join(dict.fromkeys(unknown))
        raise InputError(
            f"method: found {names} without predictions, expected one of those in "
            f"{workspace.predictions_root} ({found}); {_make(workspace, unknown[0])}"
        )
    chosen = [method for method in present if method in methods or not methods]
    if len(chosen) > 1:
        return chosen
    if len(present) > 1:
        raise InputError(f"method: found {chosen[0]} alone, expected two or more of {found}, or none for all")
    lacking = [method for method in ("nnunet", "unet") if method not in present][: 2 - len(present)]
    raise InputError(
        f"{workspace.predictions_root}: found the predictions of {found}, expected two methods to compare; "
        f"{_make(workspace, *lacking)}"
    )


def _make(workspace: Workspace, *methods: str) -> str:
    pairs = [(verb, method) for method in methods for verb in ("train", "predict")]
    *some, last = (f"'{command(verb, method, workspace=workspace.root)}'" for verb, method in pairs)
    return f"run {', '.join(some)} and {last} first"
