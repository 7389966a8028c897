"""The command that ranks algorithms from a table of scores, for whoever has one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmseg.commands.options import FILE

if TYPE_CHECKING:
    from bmseg.leaderboard.rank_files import Matrix
    from evaluation.ranking import Rankings, Rules


@click.command()
@click.argument("matrix", metavar="MATRIX", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Where results go.")
@click.option("--task-column", metavar="NAME", help="[default: task; without it all rows are one task]")
@click.option("--algorithm-column", metavar="NAME", help="[default: algorithm, else alg_name]")
@click.option("--case-column", metavar="NAME", help="[default: case]")
@click.option("--value-column", metavar="NAME", help="[default: value]")
@click.option("--status-column", metavar="NAME", help="Says of each row: scored, undefined or missing.")
@click.option(
    "--empty",
    type=click.Choice(["missing", "undefined"]),
    default="missing",
    show_default=True,
    help="What an empty value (or NA) is: missing counts as the worst score, undefined does not count.",
)
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
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of rank intervals.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result.")
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw them, as SVG and PNG.")
def rank(
    matrix: Path,
    out: Path,
    task_column: str | None,
    algorithm_column: str | None,
    case_column: str | None,
    value_column: str | None,
    status_column: str | None,
    empty: str,
    worst: float | None,
    smaller_is_better: bool,
    weights: tuple[str, ...],
    tolerance: float,
    alpha: float,
    exact: bool,
    decimals: int | None,
    bootstraps: int,
    confidence: float,
    seed: int,
    figures: bool,
) -> None:
    """Rank algorithms by their scores, and say how sure that is.

    MATRIX is a CSV file, a row a case of an algorithm: task, algorithm (or alg_name), case, value, the
    columns of challengeR. Written are ranks.csv (five schemes: mean, median, ranks within cases, tests),
    pairwise.csv, probabilities.csv, stability.csv, agreement.csv, groups.csv, figures and provenance.json.

    The test is challengeR's: one-sided Wilcoxon signed-rank, normal approximation, continuity correction. Its
    p are adjusted by Holm's rule over all ordered pairs of a task (challengeR adjusts none unless told to).
    """
    from bmseg.errors import InputError
    from bmseg.leaderboard.rank_files import OVERWRITES, read_matrix, write_rankings
    from evaluation.ranking import Rules, rank_scores
    from evaluation.statistics.intervals import StatisticsError

    names = {
        "task": task_column, "algorithm": algorithm_column, "case": case_column, "value": value_column,
        "status": status_column,
    }  # fmt: skip
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: found a file, expected a folder; name another with -o")
    if matrix.resolve().parent == out.resolve() and matrix.name in OVERWRITES:
        raise InputError(f"{matrix}: found it among the files to be written; name another folder with -o")
    table = read_matrix(matrix, names, empty)
    try:
        rules = Rules(
            larger_is_better=not smaller_is_better,
            tolerance=tolerance,
            decimals=12 if exact and decimals is None else decimals,
            alpha=alpha,
            exact=exact,
            confidence=confidence,
            bootstraps=bootstraps,
            seed=seed,
            weights=_weights(weights),
            worst=worst,
        )
        rankings = rank_scores(table.scores, rules)
    except StatisticsError as error:
        raise InputError(f"{matrix}: {_named_as_option(str(error))}") from None
    notes = [*table.notes, *_counts(rankings, rules), *_noise(table, rankings, rules)]
    click.echo("\n".join(_tables(rankings, rules)))
    notes += write_rankings(out, matrix, table, rankings, rules, figures)
    for note in notes:
        click.echo(note)
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


def _tables(rankings: Rankings, rules: Rules) -> list[str]:
    """The ranking by the mean, a table a task."""
    from bmseg.leaderboard.rank_files import shown_tasks
    from evaluation.ranking import OVERALL, Scheme
    from evaluation.table import DASH, Table

    ranks = rankings.ranks[rankings.ranks.scheme == Scheme.MEAN]
    groups = rankings.groups.set_index(["task", "algorithm"]).group
    printed = []
    for task in shown_tasks(rankings):
        own = ranks[ranks.task == task]
        gaps = [name for name in ("missing", "undefined") if own[f"n_{name}"].any()]
        rows = [
            [
                row.algorithm,
                str(row.rank),
                f"{row.rank_low:.0f}{DASH}{row.rank_high:.0f}" if rankings.n_bootstraps else DASH,
                groups.get((task, row.algorithm), DASH),
                f"{row.value:.4g}",
                *(str(getattr(row, f"n_{gap}")) for gap in gaps),
            ]
            for row in own.itertuples()
        ]
        value = "Mean rank" if task == OVERALL else "Mean"
        columns = ["Algorithm", "Rank", f"{rules.confidence:.0%} interval", "Group", value]
        title = f"{task}: {'mean of the ranks of the tasks' if task == OVERALL else 'rank by the mean'}"
        table = Table(title, [*columns, *(gap.capitalize() for gap in gaps)], rows, [], own)
        printed.append(table.to_markdown())
    return printed


def _counts(rankings: Rankings, rules: Rules) -> list[str]:
    """How many cases do not count as they are; who shares a group."""
    from evaluation.ranking import OVERALL, Scheme

    ranks = rankings.ranks
    own = ranks[(ranks.scheme == Scheme.MEAN) & (ranks.task != OVERALL)]
    missing, undefined = int(own.n_missing.sum()), int(own.n_undefined.sum())
    said = ["Who shares a letter cannot be told apart by the tests."]
    if missing:
        said.append(f"{missing} of {own.n.sum()} scores are missing and count as {rules.worst:g}.")
    if undefined:
        said.append(f"{undefined} of {own.n.sum()} scores are undefined and do not count.")
    return said


def _noise(table: Matrix, rankings: Rankings, rules: Rules) -> list[str]:
    """Where R's comparison of differences takes floating-point noise for a difference."""
    from dataclasses import replace

    from bmseg.leaderboard.rank_files import shown_tasks
    from evaluation.ranking import Scheme, rank_scores

    if rules.decimals is not None:
        return []
    rounded = rank_scores(table.scores, replace(rules, decimals=12, bootstraps=0), [Scheme.MEAN]).pairwise
    shown = rankings.pairwise[rankings.pairwise.task.isin(shown_tasks(rankings))]
    both = shown.merge(rounded, on=["task", "algorithm", "other"], suffixes=("", "_rounded"))
    number = int(((both.p - both.p_rounded).abs() > 1e-12).sum())
    if not number:
        return []
    return [
        f"In {number} of {len(both)} tests equal differences differ in their last digits only (0.3 - 0.2 and "
        "0.2 - 0.1); R counts them apart and so does p here. --decimals 12 counts them as tied."
    ]
