"""Which volume of an exam is which channel: by the study's rule, or as a person chose in the table.

Nothing is chosen by file order: two candidates refuse the exam, and so does none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dataset_conversion.dicom.exams import FoundExam
from dataset_conversion.dicom.found_volume import FoundVolume
from dataset_conversion.dicom.rule import ChannelRule
from dataset_conversion.dicom.wording import station_words
from dataset_conversion.images import ConversionError

_ADVICE = "choose one with --volumes"


def choose(
    exam: FoundExam, rules: Sequence[ChannelRule], chosen: Mapping[str, str] | None = None
) -> dict[str, FoundVolume]:
    """The volume of every channel, each by its rule or by the name that a person chose.

    A ConversionError when the exam is unusable as a whole, a channel has no candidate or several, or the
    chosen volume is unusable; one line with the numbers.
    """
    if exam.reason:
        raise ConversionError(f"{exam.identifier}: {exam.reason}")
    return {rule.channel: _choose_one(exam, rule, (chosen or {}).get(rule.channel)) for rule in rules}


def _choose_one(exam: FoundExam, rule: ChannelRule, name: str | None) -> FoundVolume:
    where = f"{exam.identifier}: {rule.channel}"
    if name is not None:
        volume = next((volume for volume in exam.volumes if volume.name == name), None)
        if volume is None:
            known = ", ".join(volume.name for volume in exam.volumes)
            raise ConversionError(f"{where}: volume: found no {name}, expected one of {known}")
        if volume.reason:
            raise ConversionError(f"{where}: volume {name}: {volume.reason}; choose another")
        return volume
    candidates = [volume for volume in exam.volumes if not volume.reason and _fits(volume, rule)]
    if len(candidates) > 1:
        raise ConversionError(
            f"{where}: found {len(candidates)} candidates, {' and '.join(map(_described, candidates))}, "
            f"expected one ({rule}); {_ADVICE}, or make the rule in the study file narrower"
        )
    if not candidates:
        # A person cannot choose what is unusable.
        advice = f"; {_ADVICE}" if any(not volume.reason for volume in exam.volumes) else ""
        raise ConversionError(f"{where}: found no volume of {rule}: {_why_none(exam, rule)}{advice}")
    return candidates[0]


def _fits(volume: FoundVolume, rule: ChannelRule) -> bool:
    return (
        volume.first.component in ("magnitude", "unknown")
        and rule.contrast in (None, volume.first.contrast.name)
        and volume.plane == rule.plane
        and _at_station(volume, rule)
    )


def _at_station(volume: FoundVolume, rule: ChannelRule) -> bool:
    if rule.station is None:
        return True
    if isinstance(rule.station, int):
        return volume.station.split(" ")[0] == str(rule.station)
    return rule.station in regions_of(volume)


def regions_of(volume: FoundVolume) -> frozenset[str]:
    """Body regions that the description and BodyPartExamined name."""
    return station_words(volume.first.description) | station_words(volume.first.body_part)


def _why_none(exam: FoundExam, rule: ChannelRule) -> str:
    """What stands in the way: a volume that fits but is unusable, or what the others are."""
    usable = [volume for volume in exam.volumes if not volume.reason]
    fitting = [v for v in exam.volumes if v.reason and (v.first.plane is None or _fits(v, rule))]
    named = rule.contrast is None or any(v.first.contrast.name == rule.contrast for v in exam.volumes)
    reasons = [f"volume {v.name} is unusable: {v.reason}" for v in fitting or exam.volumes if v.reason]
    parts = reasons[:3] if fitting or not usable else []
    if not named:
        parts.append(_why_no_contrast(exam.volumes))
    if parts:
        return "; ".join(parts)
    same = [volume for volume in usable if rule.contrast in (None, volume.first.contrast.name)]
    fields: dict[str, Counter[str]] = {
        "component": Counter(volume.first.component for volume in same),
        "plane": Counter(str(volume.plane) for volume in same),
        "station": Counter(_station(volume) for volume in same),
    }
    return ", ".join(f"{field}: found {_counted(counts)}" for field, counts in fields.items())


def _why_no_contrast(volumes: Sequence[FoundVolume]) -> str:
    contrasts = Counter(volume.first.contrast.name for volume in volumes)
    found = f"contrast: found {_counted(contrasts)}"
    if set(contrasts) == {"unknown"}:
        found += ": FrameType, ImageType, private tags and SeriesDescription name none"
    notes = {v.first.contrast.note for v in volumes if v.first.contrast.name == "unknown"} - {""}
    return "; ".join([found, *sorted(notes)])


def _station(volume: FoundVolume) -> str:
    return " ".join([volume.station, *sorted(regions_of(volume))]).strip() or "unknown"


def _described(volume: FoundVolume) -> str:
    size = " x ".join(map(str, volume.shape))
    parts = [volume.first.contrast.name, str(volume.plane), size]
    if volume.first.echo_time is not None:
        parts.append(f"echo {volume.first.echo_time:g} ms")
    if volume.station or regions_of(volume):
        parts.append(f"station {_station(volume)}")
    return f"{volume.name} ({', '.join(parts)})"


def _counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
