"""What a participant of a challenge runs: bmseg submission check."""

from __future__ import annotations

from pathlib import Path

import click

from bmseg.commands.options import FILE, echo_each


@click.group()
def submission() -> None:
    """Masks for a challenge, as a participant sends them."""


@submission.command()
@click.argument("source", metavar="SOURCE", type=FILE)
@click.option(
    "--contract", "contract_file", type=FILE, required=True,
    help="The challenge's exams.json, or the folder of a board that holds it.",
)  # fmt: skip
def check(source: Path, contract_file: Path) -> None:
    """Say everything that is wrong with a submission.

    SOURCE is a folder or a ZIP with one <exam>.nii.gz for each test exam, on the exam's grid, with the
    study's labels. A ZIP may hold them in one folder.
    """
    from bmseg.errors import WorkError
    from bmseg.leaderboard.challenge import read_contract
    from bmseg.leaderboard.submission import check_submission
    from bmseg.untrusted.listing import shown
    from evaluation.statistics.words import plural

    contract = read_contract(contract_file)
    checked = check_submission(source, contract)
    echo_each(checked.faults)
    echo_each(checked.notices, "note: ")
    if checked.missing:
        exams = f"{len(checked.missing)} of {len(contract.exams)} exams"
        click.echo(
            f"missing {exams}: {', '.join(checked.missing)}; the challenge's rules say what that means"
        )
    if number := len(checked.faults):
        raise WorkError(
            f"{shown(str(source))}: found {plural(number, 'fault')}, expected none; correct and check again"
        )
    click.echo(f"masks of {len(checked.masks)} of {len(contract.exams)} exams, sha256 {checked.sha256}")
    click.echo("no fault: it can be sent")
