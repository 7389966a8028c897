"""The table of every volume that an export holds, and the choices that a person made in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from dataset_conversion.dicom.exams import FoundExam
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.selection import choose, regions_of
from dataset_conversion.dicom.wording import clean_description
from dataset_conversion.images import ConversionError, read_table

#: Columns of the table; `channel` is what the rule chooses, and what a person may change.
COLUMNS = [
    "exam", "volume", "series", "description", "contrast", "contrast_from", "component", "plane", "size",
    "spacing_mm", "echo_ms", "station", "channel", "reason",
]  # fmt: skip

# What must not have changed between the table and the source when a row is chosen.
_FIXED = ["series", "contrast", "component", "plane", "size", "spacing_mm", "echo_ms"]


def inspect(
    exams: Iterable[FoundExam],
    rules: Sequence[ChannelRule],
    choices: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """List every volume and say which channel the rules, or a person's choices, make it.

    Returned are one row a volume, columns `COLUMNS`, all text (no patient field, date, UID or free text),
    and exam to the reason why it would be refused.
    """
    rows, refused = [], {}
    for exam in exams:
        channels: dict[str, str] = {}
        try:
            chosen = choose(exam, rules, (choices or {}).get(exam.identifier))
            channels = {volume.name: channel for channel, volume in chosen.items()}
        except ConversionError as error:
            refused[exam.identifier] = str(error)
        rows += [_row(exam, volume, channels.get(volume.name, "")) for volume in exam.volumes]
    return pd.DataFrame(rows, columns=COLUMNS), refused


def read_choices(
    path: Path, exams: Sequence[FoundExam], rules: Sequence[ChannelRule]
) -> dict[str, dict[str, str]]:
    """Read which volume a person chose, from an edited table of `inspect`: exam to channel to volume.

    Rows whose `channel` is empty say nothing; others must still describe what the source holds now. A
    ConversionError when the table cannot be read or names an exam, volume or channel that is not there, a
    channel twice, or a volume that has changed since.
    """
    table = _read_table(path)
    now = {
        (exam.identifier, volume.name): _row(exam, volume, "") for exam in exams for volume in exam.volumes
    }
    known = [rule.channel for rule in rules]
    choices: dict[str, dict[str, str]] = {}
    for number, row in enumerate(table.to_dict("records"), start=2):
        if not row["channel"]:
            continue
        where = f"{path}: line {number}: exam {row['exam']}"
        if row["channel"] not in known:
            raise ConversionError(
                f"{where}: channel: found {row['channel']}, expected {' or '.join(known)} or nothing"
            )
        current = now.get((row["exam"], row["volume"]))
        if current is None:
            raise ConversionError(
                f"{where}: volume: found no {row['volume']} in the source; inspect it again"
            )
        for column in _FIXED:
            if row[column] != current[column]:
                raise ConversionError(
                    f"{where}: volume {row['volume']}: {column}: found {row[column]} in the table and "
                    f"{current[column]} in the source, expected the same; inspect it again"
                )
        if row["channel"] in choices.setdefault(row["exam"], {}):
            raise ConversionError(f"{where}: channel: found {row['channel']} twice, expected once an exam")
        choices[row["exam"]][row["channel"]] = row["volume"]
    return choices


def _read_table(path: Path) -> pd.DataFrame:
    table = read_table(path, advice="expected one that 'bmseg inspect dicom -o' made")
    if missing := [name for name in COLUMNS if name not in table]:
        raise ConversionError(
            f"{path}: column: found none named {', '.join(missing)}; inspect the source again"
        )
    return table


def _row(exam: FoundExam, volume: FoundVolume, channel: str) -> dict[str, str]:
    frame = volume.first
    regions = ", ".join(sorted(regions_of(volume)))
    return {
        "exam": exam.identifier,
        "volume": volume.name,
        "series": volume.series,
        "description": clean_description(frame.description),
        "contrast": frame.contrast.name,
        "contrast_from": _contrast_source(volume),
        "component": frame.component,
        "plane": describe_plane(volume),
        "size": " x ".join(map(str, volume.shape)),
        "spacing_mm": "" if volume.reason else describe_spacing(volume),
        "echo_ms": "" if frame.echo_time is None else f"{frame.echo_time:g}",
        "station": "; ".join(part for part in (volume.station, regions) if part),
        "channel": channel,
        "reason": exam.reason or volume.reason,
    }


def describe_plane(volume: FoundVolume) -> str:
    """The plane in words: ``coronal``, or ``coronal, 18° oblique``."""
    if volume.plane is None:
        return ""
    degrees = round(volume.obliqueness)
    return f"{volume.plane}, {degrees}° oblique" if degrees else volume.plane


def describe_spacing(volume: FoundVolume) -> str:
    """Voxel size: ``0.9 x 0.9 x 3.5``, between columns, rows and slices."""
    return " x ".join(f"{value:.4g}" for value in volume.spacing)


def _contrast_source(volume: FoundVolume) -> str:
    source, note = volume.first.contrast.source, volume.first.contrast.note
    return f"{source} ({note})" if source and note else source or note
