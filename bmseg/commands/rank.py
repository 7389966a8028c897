"""The command that ranks algorithms from a table of scores, for whoever has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each


@click.command()
@click.argument("matrix", metavar="MATRIX", type=FILE)
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
@click.option("--worst", type=float, help="What a missing case counts as, as 0 for Dice.")
@click.option("--smaller-is-better", is_flag=True, help="As for distances.")
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
def rank(matrix: Path, out: Path, empty: str, figures: bool, weights: tuple[str, ...], **given: Any) -> None:
    """Rank algorithms by their scores, and say how sure that is.

    MATRIX is a CSV file, a row a case of an algorithm: task, algorithm (or alg_name), case, value, the
    columns of challengeR. Printed are ranks with intervals that hold for all algorithms at once. Written are
    ranks.csv (five schemes: mean, median, ranks within cases, tests), pairwise.csv, probabilities.csv,
    stability.csv, agreement.csv, groups.csv, figures and provenance.json.

    The test is challengeR's: one-sided Wilcoxon signed-rank, normal approximation, continuity correction. Its
    p are adjusted by Holm's rule over all ordered pairs of a task (challengeR adjusts none unless told to).
    Intervals and groups ask a permutation test of the means as well: the larger p counts.
    """
    from bmseg.errors import InputError
    from bmseg.leaderboard.matrix import COLUMNS, RankedMatrix, check_place, read_matrix
    from evaluation.ranking import Rules
    from evaluation.statistics.intervals import StatisticsError

    names = {name: given.pop(f"{name}_column") for name in COLUMNS}
    check_place(matrix, out)
    table = read_matrix(matrix, names, empty)
    if given["exact"] and given["decimals"] is None:
        given["decimals"] = 12
    larger = not given.pop("smaller_is_better")
    try:
        ranked = RankedMatrix.of(table, Rules(larger_is_better=larger, weights=_weights(weights), **given))
    except StatisticsError as error:
        raise InputError(f"{matrix}: {_named_as_option(str(error))}") from None
    click.echo("\n".join(ranked.tables()))
    echo_each([*ranked.notes(), *ranked.write(out, with_figures=figures)])
    click.echo(f"results: {out}")


def _named_as_option(message: str) -> str:
    """What a rule is called here, where a message begins with a rule."""
    for rule, option in (("worst:", "--worst:"), ("weights:", "--weight:")):
        message = message.replace(rule, option, 1) if message.startswith(rule) else message
    return message


def _weights(pairs: tuple[str, ...]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for pair in pairs:
        task, _, weight = pair.rpartition("=")
        try:
            if not task or task in weights:
                raise ValueError
            weights[task] = float(weight)
        except ValueError:
            raise click.UsageError(
                f"--weight: found '{pair}', expected TASK=WEIGHT with a number, each task once"
            ) from None
    return weights
