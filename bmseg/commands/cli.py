"""The command line: a module a command or a group of commands; each parses, calls one function and prints.

Heavy imports stand inside the commands, so that ``bmseg --help`` answers at once.
"""

from __future__ import annotations

import codecs
import gc
import io
import logging
import os
import re
import sys
from pathlib import Path

import click

from bmseg import __version__
from bmseg.commands.annotate import annotate
from bmseg.commands.convert import convert, inspect, phantom, region
from bmseg.commands.design import design
from bmseg.commands.evaluate import compare, evaluate
from bmseg.commands.jobs import jobs
from bmseg.commands.leaderboard import leaderboard
from bmseg.commands.options import Sections
from bmseg.commands.platforms import bundle
from bmseg.commands.predict import ensemble, export, predict
from bmseg.commands.rank import rank
from bmseg.commands.reading_room import atlas, reading_room, vas
from bmseg.commands.report import report
from bmseg.commands.status import status
from bmseg.commands.study import study
from bmseg.commands.submission import submission
from bmseg.commands.train import curves, env, methods, plan, train
from bmseg.errors import InputError, WorkError
from bmseg.wording import meant

_PLAIN = {"–": "-", "—": "-", "−": "-", "×": "x", "≤": "<=", "≥": ">=", "…": "...", "‡": "#"}


def main() -> None:
    """Run the command line; an expected failure is one line and an exit code, never a traceback."""
    _settle()
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        _with_meant(error).show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _fail("interrupted; the same command goes on from here", 130)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 1)
    except (ValueError, RuntimeError) as error:
        code = _exit_code(error)
        if code is None:
            raise
        _fail(_with_option(str(error), sys.argv[1:]), code)


def _with_meant(error: click.ClickException) -> click.ClickException:
    """The error of a wrong value of an option says which one may have been meant."""
    found = re.match(r"'(.*)' is not one of", error.message)
    if not (found and isinstance(error, click.BadParameter) and error.param):
        return error
    kind = error.param.type
    close = meant(found[1], map(str, kind.choices)) if isinstance(kind, click.Choice) else ""
    message = f"{error.message.rstrip('.')}{close}" if close else error.message
    return click.BadParameter(message, error.ctx, error.param, error.param_hint)


def _with_option(message: str, words: list[str]) -> str:
    """What a library says of a field, said of the option of that name, where the command that runs has one.

    A file that is called as an option is a file.
    """
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group) or word not in command.commands:
            break
        command = command.commands[word]
    field, colon, what = message.partition(": ")
    option = "--" + re.sub("[ _]", "-", field)
    known = colon and any(option in one.opts for one in command.params)
    return f"{option}: {what}" if known and not Path(field).exists() else message


def _settle() -> None:
    """Whatever console, or none, and whatever matplotlib is told to draw on elsewhere."""
    os.environ["MPLBACKEND"] = "agg"
    # What tables and figures are made of refers to each other and soon goes: a tenth of the time of a small
    # study went into looking for cycles.
    gc.set_threshold(50_000, 20, 50)
    codecs.register_error("plain", _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    _warn_on_stderr()


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a console does not have."""
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end


def _warn_on_stderr() -> None:
    """What reading a file finds to say goes to standard error, each line once."""
    told: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        before = len(told)
        told.add(record.getMessage())
        return len(told) > before

    handler = logging.StreamHandler()
    handler.addFilter(is_new)
    logging.getLogger("dataset_conversion").handlers[:] = [handler]


def _exit_code(error: Exception) -> int | None:
    """2 for misuse, 1 for failed work, None for a mistake of ours, which keeps its traceback."""
    from dataset_conversion.images import ConversionError
    from evaluation.masks.reading import MaskError
    from evaluation.statistics.intervals import StatisticsError

    if isinstance(error, (InputError, ConversionError, MaskError, StatisticsError)):
        return 2
    return 1 if isinstance(error, WorkError) else None


def _fail(message: str, code: int) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="bmseg")
def cli() -> None:
    """How good is a segmentation model, next to the readers, when nobody knows the truth?

    A run: phantom (or inspect and convert), plan, train, predict, evaluate (or compare), report. Every
    command works on one workspace folder, skips what is already made from the same inputs, and can be
    stopped and started again.
    """


leaderboard.add_command(bundle)
cli.add_section("Data", "bmseg phantom", phantom, study, inspect, convert, region, status)
cli.add_section(
    "Train", "bmseg train unet --folds 0-4", methods, plan, train, jobs, curves, predict, ensemble, env
)
cli.add_section("Score", "bmseg evaluate --margin 0.05", evaluate, compare, report, design)
cli.add_section("Share", "bmseg export unet unet.zip", export, leaderboard, submission, rank)
cli.add_section("Readers", "bmseg reading-room build", annotate, atlas, reading_room, vas)
