"""The command that plans the next study, from a pilot or from a standard deviation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bmseg.commands import options
from bmseg.commands.options import FILE, echo_each, refuse, timed


@click.command()
@click.option("--pilot", type=FILE, help="Folder of an evaluation: the exams that are there already.")
@options.study
@click.option(
    "--level", default="", metavar="NAME", help="The level, or group, of the pilot that is asked of."
)
@click.option("--model", default="", metavar="NAME", help="Of the pilot. [default: its only one]")
@click.option("--measure", default="dice", show_default=True, help="Of the pilot.")
@click.option("--sd", type=float, help="Instead of a pilot: SD of paired differences, exam by exam.")
@click.option(
    "--correlation", type=click.FloatRange(-1, 1, max_open=True),
    help="--sd is that of each rater's scores, which correlate so much; 0 is cautious.",
)  # fmt: skip
@click.option(
    "--exams", type=click.IntRange(0), default=0, help="How many exams --sd is of. [default: it is known]"
)
@click.option(
    "--mean", type=float, help="True difference, model minus reader. [default: the pilot's, or else 0]"
)
@click.option("--half-width", type=float, help="Wanted: an interval of the difference, so wide to each side.")
@click.option("--margin", type=float, help="Wanted: clear that the model is not worse by so much.")
@click.option("--better", is_flag=True, help="Wanted: clear that the model is better.")
@click.option("--teams", type=int, help="Wanted: of so many teams the best told apart from the second ...")
@click.option("--gap", type=float, help="... of which it is so much ahead.")
@click.option(
    "--power", type=float, default=0.8, show_default=True, help="Share of studies that are to reach it."
)
@click.option(
    "--confidence", type=float, default=0.95, show_default=True,
    help="Of intervals and tests, those of boards and of readers random too.",
)  # fmt: skip
@click.option(
    "--tests", type=click.IntRange(1),
    help="Tests that Holm's rule adjusts together. [default: models times levels of the pilot, or else 1]",
)  # fmt: skip
@click.option(
    "--studies", type=click.IntRange(100, 10_000), default=2000, show_default=True, help="Simulated ones."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same result.")
@options.results
@click.pass_context
def design(
    context: click.Context,
    pilot: Path | None,
    study_file: Path | None,
    level: str,
    model: str,
    measure: str,
    sd: float | None,
    correlation: float | None,
    exams: int,
    out: Path,
    **given: Any,
) -> None:
    """Plan the next study: how many exams, and readers.

    From a pilot (--pilot and --level), or from a standard deviation (--sd). Wanted are one or more of
    --half-width, --margin, --better, and --teams with --gap. Studies are simulated and tested as evaluations
    are; numbers are also given for the upper limit of the SD, which few exams tell badly.

    $ bmseg design --pilot out/ --level level1 --margin 0.05 -o design/
    """
    from bmseg.scoring.next_study import Asked, NextStudy, check_place
    from bmseg.status.scored import check_evaluation

    if (pilot is None) == (sd is None):
        raise click.UsageError("expected --pilot, a folder of an evaluation, or --sd")
    if pilot and not level:
        raise click.UsageError("--pilot needs --level")
    if pilot and (correlation is not None or exams):
        raise click.UsageError("--correlation and --exams are for --sd")
    if (given["teams"] is None) != (given["gap"] is None):
        raise click.UsageError("--teams and --gap: found one of them, expected both")
    if pilot is None:
        refuse(context, ("study_file", "model"), "they are of --pilot")
    if given["teams"] is None and not given["better"] and given["margin"] is None:
        refuse(context, ("tests",), "only --margin and --better test")
    wanted = [given[name] for name in ("half_width", "margin", "teams")]
    if wanted == [None] * 3 and not given["better"]:
        raise click.UsageError(
            "expected what is wanted: --half-width, --margin, --better, or --teams with --gap"
        )
    asked = Asked(**given)
    check_place(out)
    if pilot:
        check_evaluation(pilot)
    with timed("design"):
        if pilot:
            plan = NextStudy.of_pilot(pilot, study_file, asked, level=level, model=model, measure=measure)
        else:
            assert sd is not None
            of_differences = sd if correlation is None else sd * (2 * (1 - correlation)) ** 0.5
            plan = NextStudy.of_numbers(of_differences, exams, asked, level=level, measure=measure)
        plan.write(out)
    echo_each(table.to_markdown() for table in plan.tables)
    echo_each(plan.said)
    click.echo(f"results: {out}")
