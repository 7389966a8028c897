"""The study's rule on exams of many volumes; slices are made up, no file is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dataset_conversion.dicom.contrast import Contrast
from dataset_conversion.dicom.exams import FoundExam, find_exams
from dataset_conversion.dicom.frame import Frame, Identity
from dataset_conversion.dicom.frame import Plane as FramePlane
from dataset_conversion.dicom.inspection import COLUMNS, inspect, read_choices
from dataset_conversion.dicom.rule import ChannelRule, ContrastName, Region
from dataset_conversion.dicom.scan import Scan
from dataset_conversion.dicom.scanner import Scanner
from dataset_conversion.dicom.selection import choose
from dataset_conversion.images import ConversionError

CORONAL = FramePlane(48, 64, (2.0, 2.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
AXIAL = FramePlane(48, 64, (2.0, 2.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
WATER = ChannelRule("water", "coronal", "water")


def series(
    number: int,
    contrast: ContrastName = "water",
    *,
    top: float = 0.0,
    description: str = "",
    slices: int = 5,
    plane: FramePlane = CORONAL,
    component: str = "magnitude",
    table: float | None = None,
) -> list[Frame]:
    """Slices 4 mm apart whose first row lies at height `top`."""
    normal = (0.0, 1.0, 0.0) if plane is CORONAL else (0.0, 0.0, 1.0)
    source = "ImageType" if contrast != "unknown" else ""
    return [
        Frame(
            file=Path(f"{number}/{k}"),
            number=0,
            identity=Identity("p", "study", f"1.2.{number}", "1.9"),
            scanner=Scanner("Siemens", "Aera", 1.5),
            series_number=number,
            description=description,
            body_part="",
            contrast=Contrast(contrast, source),
            component=component,  # type: ignore[arg-type]
            frame_type=("ORIGINAL", "PRIMARY", contrast),
            echo_time=109.0,
            repetition_time=4700.0,
            temporal_position=None,
            acquisition=1,
            plane=plane,
            position=(0.0, 4.0 * k * normal[1], top + 4.0 * k * normal[2]),
            table_position=table,
            slope=1.0,
            intercept=0.0,
            stored=(16, 12, 0),
            fault="",
        )
        for k in range(slices)
    ]


def exam_of(*parts: Sequence[Frame]) -> FoundExam:
    frames = tuple(frame for part in parts for frame in part)
    (exam,), _ = find_exams(Scan(Path(), frames, {}, {}), [])
    return exam


def test_contrast_plane_and_component_decide() -> None:
    exam = exam_of(
        series(3, "fat"),
        series(4, "water"),
        series(5, "water", plane=AXIAL),
        series(6, "water", component="phase"),
    )
    assert choose(exam, [WATER])["water"].name == "4a"
    assert choose(exam, [ChannelRule("fat", "coronal", "fat")])["fat"].name == "3a"
    assert choose(exam, [ChannelRule("water", "axial", "water")])["water"].name == "5a"


def whole_body() -> FoundExam:
    """Three stations from the head down, in the order in which a scanner goes; and a fat image of one."""
    return exam_of(
        series(2, top=1500, description="t2_dixon_station1"),
        series(3, top=1400, description="t2_dixon_station2"),
        series(4, top=1300, description="t2_dixon_knee"),
        series(4, "fat", top=1300, description="t2_dixon_knee"),
    )


@pytest.mark.parametrize(("station", "volume"), [("knee", "4b"), (1, "4b"), (2, "3a"), (3, "2a")])
def test_the_station_is_told_by_description_or_by_place_from_the_feet(
    station: Region | int, volume: str
) -> None:
    rule = ChannelRule("water", "coronal", "water", station)
    assert choose(whole_body(), [rule])["water"].name == volume


def test_stations_without_a_rule_are_refused_with_all_named() -> None:
    with pytest.raises(ConversionError) as refused:
        choose(whole_body(), [WATER])
    text = str(refused.value)
    assert text.startswith(
        "exam001: water: found 3 candidates, 2a (water, coronal, 64 x 48 x 5, echo 109 ms, "
    )
    for described in (
        "station 3 of 3) and 3a (",
        "station 2 of 3) and 4b (",
        "station 1 of 3 knee), expected",
    ):
        assert described in text


def test_stations_at_one_place_are_told_by_the_table() -> None:
    """The scanner moved the table and wrote positions from its isocentre."""
    exam = exam_of(series(2, table=-300), series(3, table=-900), series(4, table=-600))
    stations = {volume.name: volume.station for volume in exam.volumes}
    assert stations == {"2a": "table -300 mm", "3a": "table -900 mm", "4a": "table -600 mm"}
    with pytest.raises(ConversionError, match="station: found 1 table -300 mm, 1 table -900 mm"):
        choose(exam, [ChannelRule("water", "coronal", "water", 1)])


def test_stations_of_one_series_are_taken_apart_by_place() -> None:
    """One SeriesInstanceUID, three places of the table, slices numbered through."""
    frames = [
        replace(frame, identity=replace(frame.identity, series="1.2.5"), series_number=5)
        for top in (900, 780, 660)
        for frame in series(5, top=top)
    ]
    exam = exam_of(frames)
    assert [(v.shape, v.reason, v.station) for v in exam.volumes] == [
        ((64, 48, 5), "", f"{station} of 3") for station in (1, 2, 3)
    ]
    moved = [replace(series(5)[4], position=(0.0, 16.0, 500.0))]
    with pytest.raises(ConversionError, match="sheared: found slices 500 mm off the line"):
        choose(exam_of(series(5)[:4], moved), [WATER])


def test_copies_of_one_station_are_two_candidates() -> None:
    exam = exam_of(series(2, top=100), series(3, top=110), series(4, top=600))
    assert [volume.station for volume in exam.volumes] == ["1 of 2", "1 of 2", "2 of 2"]
    with pytest.raises(ConversionError, match="found 2 candidates, 2a .* and 3a "):
        choose(exam, [ChannelRule("water", "coronal", "water", 1)])


@pytest.mark.parametrize(
    ("parts", "rule", "message"),
    [
        ([series(3, "fat")], WATER, "contrast: found 1 fat; choose one with --volumes"),
        (
            [series(3, "unknown"), series(4, "unknown")],
            WATER,
            "found 2 unknown: FrameType, ImageType, private tags and SeriesDescription name none",
        ),
        ([series(3, plane=AXIAL)], WATER, "component: found 1 magnitude, plane: found 1 axial"),
        ([series(3, component="phase")], WATER, "component: found 1 phase, plane: found 1 coronal"),
        ([series(3, slices=2)], WATER, "volume 3a is unusable: too few slices: found 2, expected at least 3"),
        (
            [series(3, description="thigh")],
            ChannelRule("water", "coronal", "water", "knee"),
            "no volume of water, coronal, station knee: .*station: found 1 thigh",
        ),
        ([series(3), series(4)], ChannelRule("any", "coronal"), "found 2 candidates"),
    ],
)
def test_none_or_several_are_refused_with_what_was_found(
    parts: list[list[Frame]], rule: ChannelRule, message: str
) -> None:
    with pytest.raises(ConversionError, match=message):
        choose(exam_of(*parts), [rule])


def test_a_person_decides_but_not_for_an_unusable_volume() -> None:
    exam = exam_of(series(3), series(4), series(5, slices=2))
    assert choose(exam, [WATER], {"water": "4a"})["water"].name == "4a"
    with pytest.raises(ConversionError, match="volume 5a: too few slices: found 2"):
        choose(exam, [WATER], {"water": "5a"})
    with pytest.raises(ConversionError, match="volume: found no 9a, expected one of 3a, 4a, 5a"):
        choose(exam, [WATER], {"water": "9a"})


def test_the_table_lists_every_volume_and_says_where_the_contrast_is_from() -> None:
    exam = exam_of(series(3, "fat", description="t2 dixon Olsen_F"), series(4), series(5, slices=2))
    table, refused = inspect([exam], [WATER])
    assert list(table.columns) == COLUMNS
    assert list(table.channel) == ["", "water", ""]
    assert list(table.contrast_from) == ["ImageType"] * 3
    assert "Olsen" not in table.to_csv()
    assert (table["size"][1], table.spacing_mm[1], table.echo_ms[1]) == ("64 x 48 x 5", "2 x 2 x 4", "109")
    assert table.reason[2].startswith("too few slices")
    assert refused == {}
    assert list(inspect([exam_of(series(3), series(4))], [WATER])[1]) == ["exam001"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel": "watr"}, "line 3: exam exam001: channel: found watr, expected water or nothing"),
        ({"volume": "9z", "channel": "water"}, "volume: found no 9z in the source; inspect it again"),
        (
            {"spacing_mm": "1 x 1 x 1", "channel": "water"},
            "spacing_mm: found 1 x 1 x 1 in the table",
        ),
    ],
)
def test_a_choice_that_does_not_fit_the_source_is_refused(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    exam = exam_of(series(3), series(4))
    table, _ = inspect([exam], [WATER])
    for column, value in change.items():
        table.loc[1, column] = value
    table.to_csv(tmp_path / "volumes.csv", index=False)
    with pytest.raises(ConversionError, match=message):
        read_choices(tmp_path / "volumes.csv", [exam], [WATER])


def test_choices_are_read_from_the_edited_table(tmp_path: Path) -> None:
    exam = exam_of(series(3), series(4))
    table, _ = inspect([exam], [WATER])
    table.loc[1, "channel"] = "water"
    table.to_csv(tmp_path / "volumes.csv", index=False)
    assert read_choices(tmp_path / "volumes.csv", [exam], [WATER]) == {"exam001": {"water": "4a"}}
    table.channel = "water"
    table.to_csv(tmp_path / "volumes.csv", index=False)
    with pytest.raises(ConversionError, match="channel: found water twice, expected once an exam"):
        read_choices(tmp_path / "volumes.csv", [exam], [WATER])
    table.drop(columns="size").to_csv(tmp_path / "volumes.csv", index=False)
    with pytest.raises(ConversionError, match="column: found none named size"):
        read_choices(tmp_path / "volumes.csv", [exam], [WATER])
    pd.DataFrame().to_csv(tmp_path / "volumes.csv", index=False)
    with pytest.raises(ConversionError, match="found an empty file"):
        read_choices(tmp_path / "volumes.csv", [exam], [WATER])


def test_one_slice_that_differs_in_a_tag_tears_the_volume() -> None:
    """A damaged echo time at an end would otherwise leave a volume that looks whole, one slice short."""
    frames = series(3)
    for changed in (
        replace(frames[-1], echo_time=108.0),
        replace(frames[-1], frame_type=("ORIGINAL", "PRIMARY", "M")),
        replace(frames[0], identity=replace(frames[0].identity, series="1.2.8")),
    ):
        rest = [frame for frame in frames if frame.position != changed.position]
        with pytest.raises(ConversionError, match="torn: 1 further slices continue this volume"):
            choose(exam_of(rest, [changed]), [WATER])
