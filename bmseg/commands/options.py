"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bmseg.wording import DEFAULT_WORKSPACE, WORKSPACE_VARIABLE

if TYPE_CHECKING:
    from bmseg.nnunet.training import Fold
    from bmseg.workspace import Workspace


class InOrder(click.Group):
    """Lists commands in the order of a run, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The commands as they were added."""
        return list(self.commands)


class Sections(InOrder):
    """Lists commands under headings, each with an example."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Heading, example and commands.
        self.sections: list[tuple[str, str, list[click.Command]]] = []

    def add_section(self, heading: str, example: str, *commands: click.Command) -> None:
        """Add commands below a heading."""
        for command in commands:
            self.add_command(command)
        self.sections.append((heading, example, list(commands)))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """A heading, its commands, its example."""
        width = max(map(len, self.commands))
        for heading, example, commands in self.sections:
            with formatter.section(heading):
                rows = [((one.name or "").ljust(width), one.get_short_help_str(200)) for one in commands]
                formatter.write_dl(rows)
                formatter.write_text(f"$ {example}")


class Repeatable(click.Command):
    """A command that another process can be given again (`said_again`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As ever; what was said is remembered as it was said."""
        ctx.meta[_SAID] = self.make_parser(ctx).parse_args(list(args))[0]
        return super().parse_args(ctx, args)


_SAID = "bmseg.said"


def said_again(context: click.Context, *, without: Container[str]) -> list[str]:
    """The options that a `Repeatable` command was given, in a fixed order, for any folder to run it in.

    `without` has names of parameters that are left out.
    """
    words = []
    for option in context.command.params:
        if option.name in without or option.name not in context.meta[_SAID]:
            continue
        said = context.meta[_SAID][option.name]
        if isinstance(option, click.Option) and option.is_flag:
            words.append((option.opts if said else option.secondary_opts)[-1])
            continue
        for value in said if option.multiple else [said]:
            words += [option.opts[-1], _from_anywhere(option, value)]
    return words


def _from_anywhere(option: click.Parameter, value: str) -> str:
    """A value of an option, the path in it absolute."""
    if isinstance(option.type, click.Path):
        return str(Path(value).absolute())
    name, equals, folder = value.partition("=")
    if equals and (option.metavar or "").endswith("=FOLDER"):
        return f"{name}={Path(folder).absolute()}"
    return value


class _File(click.Path):
    """A path; an empty one, as of a variable that is not set, would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if value == "":
            self.fail("found an empty path, expected the name of a file or folder", param, ctx)
        return super().convert(value, param, ctx)


#: The type of paths.
FILE = _File(path_type=Path)


workspace = click.option(
    "-w", "--workspace", "root", type=FILE, default=DEFAULT_WORKSPACE, show_default=True,
    envvar=WORKSPACE_VARIABLE, help="Folder of the benchmark.",
)  # fmt: skip
study = click.option(
    "--study", "study_file", type=FILE,
    help="Study file (TOML). [default: the workspace's, or else von Brandis et al. 2022]",
)  # fmt: skip
profile = click.option(
    "--profile", "profile_name", type=click.Choice(["quick", "full"]), default="quick", show_default=True,
    help="quick: two CPU cores, minutes. full: nnU-Net's own plan and schedule, one GPU.",
)  # fmt: skip
seed = click.option(
    "--seed", type=click.IntRange(0), default=2022, show_default=True, help="Same seed, same result."
)
epochs = click.option("--epochs", type=click.IntRange(1), help="Number of epochs. [default: the profile's]")
iterations = click.option(
    "--iterations", type=click.IntRange(1), help="Steps an epoch. [default: the profile's]"
)
deterministic = click.option(
    "--deterministic", is_flag=True, help="CPU only: one thread, so that the number of cores changes nothing."
)
processes = click.option("--processes", type=click.IntRange(1), help="Worker processes. [default: CPU cores]")
map_label = click.option(
    "--map-label", "label_map", multiple=True, metavar="FOUND=VALUE",
    help="Mask value, or name of a segment or contour, that stands for a level: 255=1, GTV=1. Repeat.",
)  # fmt: skip
regions = click.option("--regions", type=FILE, help="Folder of <exam>.nii.gz, 1 where marking is allowed.")
drawn = click.option(
    "--drawn", multiple=True, metavar="READER=FOLDER",
    help="Where a reader drew: <exam>.nii.gz, 1 there and 0 elsewhere, which is left out. Repeat.",
)  # fmt: skip
drawn_slices = click.option(
    "--drawn-slices", type=FILE,
    help="CSV: exam, reader, first, last. Slices that a reader drew, from 1; others are left out.",
)  # fmt: skip
results = click.option("-o", "--out", type=FILE, required=True, help="Where results go.")


def together(*options: Callable[..., Any]) -> Callable[..., Any]:
    """One decorator of several options, listed in this order."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


# No data set has so many; a slip of the finger may.
_MOST_FOLDS = 1000


class _Folds(click.ParamType):
    """Folds as 0, 0-4, 0,2,4 or all."""

    name = "folds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Fold, ...]:
        """The folds in order, each once."""
        if isinstance(value, tuple):
            return value
        if value == "all":
            return ("all",)
        folds: set[int] = set()
        for part in value.split(","):
            first, dash, last = part.partition("-")
            numbers = first.isdecimal() and (last.isdecimal() or not dash)
            if not numbers or not int(first) <= int(last or first) < _MOST_FOLDS:
                self.fail(f"found '{value}', expected folds as 0, 0-4, 0,2,4 or all", param, ctx)
            folds |= {*range(int(first), int(last or first) + 1)}
        return tuple(sorted(folds))


#: The type of --folds.
FOLDS = _Folds()


def folders_of(pairs: tuple[str, ...], option: str) -> dict[str, Path]:
    """Rater to folder, of options given as NAME=FOLDER."""
    folders: dict[str, Path] = {}
    for pair in pairs:
        name, folder = parse_pair(pair, option, str)
        if name in folders:
            raise click.UsageError(f"{option}: found {name} twice, expected once")
        folders[name] = Path(folder)
    return folders


def parse_pair(pair: str, option: str, kind: type) -> tuple[str, Any]:
    """Both sides of an option given as LEFT=RIGHT, the right one of a type.

    A pair with a number is divided at its last equals sign: names of segments may hold one.
    """
    divide = pair.rpartition if kind is int else pair.partition
    left, equals, right = divide("=")
    try:
        if not (left and equals and right):
            raise ValueError
        return left, kind(right)
    except ValueError:
        wanted = "FOUND=VALUE with a whole number, as 255=1 or GTV=1" if kind is int else "NAME=FOLDER"
        raise click.UsageError(f"{option}: found '{pair}', expected {wanted}") from None


def labels_of(pairs: tuple[str, ...]) -> dict[str, int]:
    """Found value or name to the value that it stands for, of options --map-label."""
    labels: dict[str, int] = {}
    for pair in pairs:
        found, value = parse_pair(pair, "--map-label", int)
        if labels.setdefault(found.strip(), value) != value:
            both = f"{labels[found.strip()]} and {value}"
            raise click.UsageError(f"--map-label: found {found} for {both}, expected it once")
    return labels


def refuse(context: click.Context, parameters: tuple[str, ...], reason: str) -> None:
    """Refuse options that were given by hand and would be ignored."""
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if option.name in parameters and given:
            raise click.UsageError(f"{option.opts[-1]}: found it given, expected none: {reason}")


class _Millimetres(click.ParamType):
    """Lengths above 0 as 0.5 or 0.5,0.5 or 0.5,0.5,2."""

    name = "mm"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """One length along both axes of a pixel, two, or those and that of a page."""
        if isinstance(value, tuple):
            return value
        try:
            lengths = tuple(float(part) for part in value.split(","))
        except ValueError:
            lengths = ()
        if not (1 <= len(lengths) <= 3 and all(0 < length < float("inf") for length in lengths)):
            self.fail(f"found '{value}', expected one to three lengths in mm above 0, as 0.5,0.5", param, ctx)
        return lengths * 2 if len(lengths) == 1 else lengths


#: The type of --pixel-mm.
MILLIMETRES = _Millimetres()


def check_pydicom() -> None:
    """A usage error where the DICOM part of the package is not installed."""
    from importlib.util import find_spec

    if not find_spec("pydicom"):
        raise click.UsageError("pydicom: not installed; install with: pip install 'bmseg[dicom]'")


def workspace_in(root: Path, study_file: Path | None = None) -> Workspace:
    """The workspace in a folder, of this study where one is given."""
    from bmseg.workspace import open_workspace

    return open_workspace(root, study_file)[0]


def echo_each(lines: Iterable[object], before: str = "", *, err: bool = False) -> None:
    """Print lines, or warnings on stderr, each behind the same words."""
    for line in lines:
        click.echo(f"{before}{line}", err=err)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Print how long a stage took."""
    begin = time.perf_counter()
    yield
    click.echo(f"[{stage}] {time.perf_counter() - begin:.1f} s")


@contextmanager
def progress(stage: str, total: int) -> Iterator[Callable[[], object]]:
    """A bar over a command, for a terminal alone; what is given is called at each step."""
    from tqdm import tqdm

    with tqdm(total=total, desc=stage, unit="step", disable=None, leave=False) as bar:
        yield bar.update
