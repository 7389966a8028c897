"""What is segmented, by whom, and by which rules: the study file.

A study file is TOML; ``bmseg/studies/von_brandis_2022/study.toml`` is the reference. Everything that
differs between two studies stands in it, so another anatomy is another file and no other code.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from bmseg.errors import InputError
from bmseg.methods import own_titles
from bmseg.study.dicom import DicomRule
from bmseg.study.faults import in_one_line, no_repeats
from bmseg.study.named import Group, Level, Model, Reader, check_titles, titles_of
from bmseg.study.rules import (
    Consensus,
    Drawn,
    Foci,
    Name,
    Scores,
    SectionOfFile,
    Teaching,
    Verdict,
    VisualAnalogueScale,
    Yardstick,
    check_ignore,
    check_repeats,
)
from bmseg.wording import meant, synthetic_mark, synthetic_notes
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.images import Plane
from dataset_conversion.raw.exam import DatasetSpec
from evaluation.consensus.kinds import MOST_LEVELS, ORDERED
from evaluation.measures.kinds import DEFAULT

if TYPE_CHECKING:
    from evaluation.study.design import Design

STUDIES = Path(__file__).parents[1] / "studies"
DEFAULT_STUDY = STUDIES / "von_brandis_2022" / "study.toml"


class Dataset(SectionOfFile):
    """nnU-Net's number and name of the data set."""

    id: Annotated[int, Field(ge=1, le=999)]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$", max_length=64)]


class Channel(SectionOfFile):
    """One image of an exam, as ``water``; its place in the list is nnU-Net's channel number."""

    name: Name
    dicom: DicomRule = DicomRule()


class Published(SectionOfFile):
    """Published numbers that stand beside the study file, as CSV."""

    table1: str | None = None
    table2: str | None = None
    table2_summary: str | None = None

    @property
    def files(self) -> dict[str, str]:
        """Field to file, of those that are named."""
        return self.model_dump(exclude_none=True)


class Study(SectionOfFile):
    """A study file, checked; `load_study` turns pydantic's ValidationError into one line.

    One without data set, channels and training reader is for `bmseg evaluate` alone.
    """

    name: Name
    title: str
    citation: str = ""
    plane: Plane
    training_reader: Name | None = None
    training: Teaching = Teaching()
    dataset: Dataset | None = None
    channels: list[Channel] = []  # noqa: RUF012 (pydantic copies it)
    levels: Annotated[list[Level], Field(min_length=1, max_length=MOST_LEVELS)]
    groups: list[Group] = []  # noqa: RUF012 (pydantic copies it)
    readers: Annotated[list[Reader], Field(min_length=1)]
    #: What models are shown as, where it is not their name.
    models: list[Model] = []  # noqa: RUF012 (pydantic copies it)
    scale: Literal["ordinal", "nominal"] = "ordinal"
    drawn: Drawn = Field(default=Drawn(), alias="design")
    consensus: Consensus = Consensus()
    yardstick: Yardstick = Yardstick()
    verdict: Verdict = Verdict()
    scores: Scores = Scores()
    foci: Foci = Foci()
    vas: VisualAnalogueScale | None = None
    published: Published = Published()

    @model_validator(mode="after")
    def _check(self) -> Self:
        values = [level.value for level in self.levels]
        no_repeats("levels.value", values)
        if self.dataset and values != list(range(1, len(values) + 1)):
            raise ValueError(
                f"levels.value: found {values}, expected 1 to {len(values)} in rising order "
                "(nnU-Net wants consecutive labels); map other values with --map-label"
            )
        if values != sorted(values):
            raise ValueError(f"levels.value: found {values}, expected them in rising order")
        no_repeats("levels.name and groups.name", [*self.level_names, "background"])
        no_repeats("channels.name", [channel.name for channel in self.channels])
        no_repeats("readers.name", [reader.name for reader in self.readers])
        no_repeats("models.name", [model.name for model in self.models])
        check_titles(
            titles_of(self.levels, self.groups, self.readers, self.models),
            [*self.level_names, *self.reader_names, *self.repeats, *(model.name for model in self.models)],
        )
        check_repeats(self.repeats, self.reader_names)
        check_ignore(self.scores.ignore, values, self.level_names, trained=self.dataset is not None)
        # A workspace keeps them side by side.
        no_repeats("published", [Path(file).name for file in self.published.files.values()])
        for group in self.groups:
            if unknown := sorted(set(group.levels) - set(values)):
                raise ValueError(f"groups.{group.name}: found levels {unknown}, expected some of {values}")
            no_repeats(f"groups.{group.name}", group.levels)
        no_repeats("verdict.primary", self.verdict.primary)
        if other := set(self.verdict.primary) - set(self.level_names):
            known = ", ".join(self.level_names)
            raise ValueError(f"verdict.primary: found {', '.join(sorted(other))}, expected some of {known}")
        for name, rule in (("consensus", self.consensus.rule), ("yardstick", self.yardstick.rule)):
            if self.scale == "nominal" and rule in ORDERED:
                fit = "multilabel, map, binary or majority"
                raise ValueError(f"{name}.rule: found {rule}, expected {fit} for a nominal scale")
        if self.training_reader not in (None, *self.reader_names):
            known = ", ".join(self.reader_names)
            raise ValueError(
                f"training_reader: found '{self.training_reader}', expected one of {known}"
                f"{meant(str(self.training_reader), self.reader_names)}"
            )
        return self

    @property
    def repeats(self) -> dict[str, str]:
        """A second reading to the reader whose it is."""
        return {reader.name: reader.repeat_of for reader in self.readers if reader.repeat_of}

    @property
    def titles(self) -> dict[str, str]:
        """Name to what it is shown as, of levels, groups, readers, models, and bmseg's own methods."""
        return {**own_titles(), **titles_of(self.levels, self.groups, self.readers, self.models)}

    def shown(self, name: str) -> str:
        """What a level, group, reader or model is shown as: its title, or its name."""
        return self.titles.get(name, name)

    @property
    def measures(self) -> tuple[str, ...]:
        """By what raters are scored: what the file says, or what fits its scale."""
        return tuple(self.scores.measures) or DEFAULT[self.scale == "ordinal"]

    @property
    def reader_names(self) -> list[str]:
        """The readers in the order of the file, without second readings."""
        return [reader.name for reader in self.readers if not reader.repeat_of]

    @property
    def level_names(self) -> list[str]:
        """Names of levels, then of groups: the rows of Table 1."""
        return [*(level.name for level in self.levels), *(group.name for group in self.groups)]

    @property
    def levels_by_name(self) -> dict[str, tuple[int, ...]]:
        """What each row of Table 1 is scored on: the label values that count as foreground."""
        single = {level.name: (level.value,) for level in self.levels}
        return single | {group.name: tuple(group.levels) for group in self.groups}

    @property
    def label_values(self) -> tuple[int, ...]:
        """Background and levels: every value that a mask may hold."""
        return (0, *(level.value for level in self.levels))

    @property
    def channel_rules(self) -> list[ChannelRule]:
        """Which volume of an exported DICOM exam each channel is; the plane is the study's by default."""
        return [
            ChannelRule(
                channel.name, channel.dicom.plane or self.plane, channel.dicom.contrast, channel.dicom.station
            )
            for channel in self.channels
        ]

    def design(
        self,
        *,
        unit: Literal["exam", "knee"] = "exam",
        margin: float | None = None,
        synthetic: bool = False,
        incomplete: bool = False,
    ) -> Design:
        """What an evaluation needs to know of the study; `incomplete` designs too where the file allows."""
        from evaluation.measures.dice import EmptyMask
        from evaluation.measures.measure import OneEmpty
        from evaluation.study.design import Design

        return Design(
            levels={level.name: level.value for level in self.levels},
            groups={group.name: tuple(group.levels) for group in self.groups},
            rule=self.consensus.rule,
            yardstick=self.yardstick.rule,
            ordered=self.scale == "ordinal",
            empty_mask=EmptyMask(self.scores.empty_mask),
            measures=self.measures,
            one_empty=OneEmpty(self.scores.one_empty),
            tolerance_quantile=self.scores.tolerance_quantile,
            foci=self.foci.rules,
            plane=self.plane,
            unit=unit,
            margin=self.verdict.margin if margin is None else margin,
            primary=tuple(self.verdict.primary),
            colors={level.name: level.color for level in self.levels},
            all_readers=self.reader_names,
            ignore=self.scores.ignore,
            repeats=self.repeats,
            incomplete=incomplete or self.drawn.incomplete == "allow",
            notes=synthetic_notes(synthetic),
            mark=synthetic_mark(synthetic),
            titles=self.titles,
        )

    @property
    def dataset_spec(self) -> DatasetSpec:
        """What the writer of nnU-Net's raw format needs to know of the study.

        InputError where the file does not say it, and the study is for evaluations alone.
        """
        if not (self.dataset and self.channels and self.training_reader):
            parts = {
                "dataset": self.dataset, "channels": self.channels, "training_reader": self.training_reader
            }  # fmt: skip
            missing = ", ".join(name for name, part in parts.items() if not part)
            raise InputError(
                f"study {self.name}: found no {missing}, expected them of a study whose exams are converted "
                "and trained on; without them it is for 'bmseg evaluate' alone: add them to the study file"
            )
        return DatasetSpec(
            id=self.dataset.id,
            name=self.dataset.name,
            channels=tuple(channel.name for channel in self.channels),
            labels={level.name: level.value for level in self.levels},
            readers=(*self.reader_names, *self.repeats),
            training_reader=self.training_reader,
            plane=self.plane,
            description=self.title,
            incomplete=self.drawn.incomplete == "allow",
            ignore=self.scores.ignore,
            others_teach=self.training.masks != "reader",
        )


def load_study(path: Path | str = DEFAULT_STUDY) -> Study:
    """Read and check a study file, which is TOML.

    InputError when the file cannot be read, is not TOML, or breaks a rule; names file, field, what was found
    and what was expected.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such study file; name one with --study") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: line {line}: found characters that are no UTF-8, expected UTF-8, as TOML is; save the "
            "file as UTF-8"
        ) from None
    except OSError as error:
        if path.is_dir():
            raise InputError(f"{path}: found a folder, expected a study file; name the file") from None
        raise InputError(f"{path}: the study file cannot be read ({error.strerror or error})") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error, Study)}") from None
