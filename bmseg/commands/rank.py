"""The command that ranks algorithms from a table of scores, for whoever has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each

# What `Rules` are called by: options too, in but a letter.
_RULES = ("alpha", "bootstraps", "confidence", "decimals", "seed", "smaller_is_better", "tolerance", "weight",
          "weights", "worst")  # fmt: skip
# Of --smaller-is-better: no name of a task.
_EVERY = "\N{INFORMATION SEPARATOR ONE}every task"


@click.command()
@click.argument("matrix", metavar="MATRIX", type=FILE, required=False)
@options.results
@click.option("--task-column", metavar="NAME", help="[default: task; without it all rows are one task]")
@click.option("--algorithm-column", metavar="NAME", help="[default: algorithm, else alg_name]")
@click.option("--case-column", metavar="NAME", help="[default: case]")
@click.option("--value-column", metavar="NAME", help="[default: value]")
@click.option("--status-column", metavar="NAME", help="Says of each row: scored, undefined or missing.")
@click.option(
    "--empty", type=click.Choice(["missing", "undefined"]), default="missing", show_default=True,
    help="What an empty value (or NA) is: missing counts as the worst score, undefined does not count.",
)  # fmt: skip
@click.option(
    "--worst",
    metavar="VALUE or TASK=VALUE",
    multiple=True,
    help="What a missing case counts as, as 0 for Dice; a task's own goes before that of all. Repeat.",
)
@click.option(
    "--smaller-is-better",
    "smaller",
    metavar="[TASK]",
    is_flag=False,
    flag_value=_EVERY,
    multiple=True,
    help="As for distances: in every task, or in those named. Repeat.",
)
@click.option(
    "--overall-by-ranks",
    is_flag=True,
    help="Tests over tasks compare ranks within cases, not means of scores: for tasks of unlike units. "
    "[default: where --smaller-is-better names some tasks and not others]",
)
@click.option(
    "--weight", "weights", metavar="TASK=WEIGHT", multiple=True, help="In the overall rank. [default: 1]"
)
@click.option(
    "--tolerance", type=float, default=1e-9, show_default=True, help="Values that differ by no more are tied."
)
@click.option(
    "--alpha", type=float, default=0.05, show_default=True, help="Level of the tests, after Holm's rule."
)
@click.option("--exact", is_flag=True, help="The exact signed-rank test, with ties too.")
@click.option(
    "--decimals",
    type=click.IntRange(0, 15),
    help="Differences that agree to so many decimals are tied in the test. "
    "[default: 12 with --exact; else they are compared as they are, as R does]",
)
@click.option(
    "--bootstraps", type=click.IntRange(0), default=1000, show_default=True, help="Samples of cases."
)
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    help="Of rank intervals, all of a task at once.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw them, as SVG and PNG.")
def rank(
    matrix: Path | None, out: Path, empty: str, figures: bool, smaller: tuple[str, ...], **given: Any
) -> None:
    """Rank algorithms by their scores, and say how sure that is.

    MATRIX is a CSV file, a row a case of an algorithm: task, algorithm (or alg_name), case, value, the
    columns of challengeR. Printed are ranks with intervals that hold for all algorithms at once. Written are
    ranks.csv (five schemes: mean, median, ranks within cases, tests), pairwise.csv, probabilities.csv,
    stability.csv, agreement.csv, groups.csv, figures and provenance.json.

    The test is challengeR's: one-sided Wilcoxon signed-rank, normal approximation, continuity correction. Its
    p are adjusted by Holm's rule over all ordered pairs of a task (challengeR adjusts none unless told to).
    Intervals and groups ask a permutation test of the means as well: the larger p counts. Tests over tasks
    compare a case's mean over the tasks: of scores or, of unlike tasks, of the algorithms' ranks in the case.
    """
    from bmseg.commands.terminal import on_terminal, show
    from bmseg.errors import InputError
    from bmseg.leaderboard.matrix import RankedMatrix, check_place
    from bmseg.leaderboard.matrix_file import COLUMNS, read_matrix
    from evaluation.ranking import Rules
    from evaluation.statistics.intervals import StatisticsError

    if matrix is None:
        matrix, smaller = _without_task(smaller)
    names = {name: given.pop(f"{name}_column") for name in COLUMNS}
    check_place(matrix, out)
    table = read_matrix(matrix, names, empty)
    if given["exact"] and given["decimals"] is None:
        given["decimals"] = 12
    given["weights"] = _by_task("--weight", given["weights"])
    given["worst"] = _worst(given["worst"], table.tasks)
    given["smaller_is_better"] = _smaller(smaller)
    try:
        rules = Rules(**given)
    except StatisticsError as error:
        raise InputError(_of_a_rule(str(error)) or str(error)) from None
    try:
        ranked = RankedMatrix.of(table, rules)
    except StatisticsError as error:
        said = _of_a_rule(str(error))
        # What a missing case counts as is wanted by the cases that are missing there.
        where = f"{matrix}: " if not said or said.startswith("--worst") else ""
        raise InputError(f"{where}{said or _of_a_column(str(error), table.columns)}") from None
    if on_terminal():
        show([*ranked.notes(), *ranked.write(out, with_figures=figures)], *ranked.printed())
    else:
        click.echo("\n".join(ranked.tables()))
        echo_each([*ranked.notes(), *ranked.write(out, with_figures=figures)])
    click.echo(f"results: {out}")


def _of_a_rule(message: str) -> str:
    """The same of an option, where a message begins with a rule; else empty."""
    rule, colon, rest = message.partition(": ")
    rule, of, task = rule.partition(" of ")
    if not colon or rule not in _RULES:
        return ""
    option = "weight" if rule == "weights" else rule.replace("_", "-")
    return f"--{option}: {f'{task}: ' if of else ''}{rest}"


def _of_a_column(message: str, columns: Mapping[str, str]) -> str:
    """The same of the file's own column, where a message begins with one that is called otherwise there."""
    name, colon, rest = message.partition(": ")
    own = columns.get(name, name)
    return f"column {own}: {rest}; --{name}-column names it" if colon and own != name else message


def _without_task(smaller: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """The matrix behind a --smaller-is-better that was to stand alone and took it for its task."""
    if len(smaller) != 1 or smaller[0] == _EVERY:
        raise click.UsageError("Missing argument 'MATRIX'.")
    return Path(smaller[0]), (_EVERY,)


def _smaller(given: tuple[str, ...]) -> bool | list[str]:
    """In which tasks smaller is better: in all, in none, or their names."""
    named = sorted({*given} - {_EVERY})
    if named and _EVERY in given:
        raise click.UsageError(
            f"--smaller-is-better: found it alone and with {', '.join(named)}, expected one of the two"
        )
    return named or _EVERY in given


def _worst(given: tuple[str, ...], tasks: list[str]) -> float | dict[str, float] | None:
    """What a missing case counts as: everywhere, or by task."""
    everywhere, named = None, []
    for text in given:
        try:
            value = float(text)
        except ValueError:
            named.append(text)
            continue
        if everywhere is not None:
            raise click.UsageError(f"--worst: found {everywhere:g} and {value:g}, expected one for all tasks")
        everywhere = value
    if not named:
        return everywhere
    own = _by_task("--worst", tuple(named))
    return own if everywhere is None else dict.fromkeys(tasks, everywhere) | own


def _by_task(option: str, pairs: tuple[str, ...]) -> dict[str, float]:
    """Numbers that were given as TASK=NUMBER."""
    numbers: dict[str, float] = {}
    for pair in pairs:
        task, _, number = pair.rpartition("=")
        try:
            if not task or task in numbers:
                raise ValueError
            numbers[task] = float(number)
        except ValueError:
            metavar = "TASK=WEIGHT" if option == "--weight" else "VALUE or TASK=VALUE"
            raise click.UsageError(
                f"{option}: found '{pair}', expected {metavar} with a number, each task once"
            ) from None
    return numbers
