"""Label files, read back by parsers written from the formats' own readers, not from what writes them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmseg.annotation.for_reader import ITKSNAP_FILE, MEDSEG_FILE, SLICER_FILE, label_files
from bmseg.study import Study, load_study
from evaluation.consensus.kinds import MOST_LEVELS

REFERENCE = load_study()
Rows = dict[int, tuple[str, tuple[int, ...]]]


def study_of(levels: list[dict[str, object]]) -> Study:
    fields = REFERENCE.model_dump() | {"levels": levels, "groups": []}
    return Study.model_validate(fields)


def levels_like(descriptions: list[str]) -> list[dict[str, object]]:
    return [
        {"value": value, "name": f"level_{value}", "description": text, "color": f"#{value:02x}80Ff"}
        for value, text in enumerate(descriptions, start=1)
    ]


def read_itksnap(text: str) -> tuple[Rows, dict[int, tuple[float, int, int]]]:
    """As ColorLabelTable::LoadFromFile: seven numbers, then all between two quotation marks."""
    labels, flags = {}, {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        found = re.match(r"\s*(\d+)" + r"\s+(\d+)" * 3 + r"\s+([\d.]+)\s+(\d)\s+(\d)[^\"]*\"([^\"]+)", line)
        assert found, line
        assert found.end() == len(line) - 1  # nothing after the closing mark
        value, *rgb = (int(found[part]) for part in range(1, 5))
        assert value not in labels
        labels[value] = (found[8], tuple(rgb))
        flags[value] = (float(found[5]), int(found[6]), int(found[7]))
    return labels, flags


def read_slicer(text: str) -> dict[int, tuple[str, tuple[int, ...]]]:
    """As vtkMRMLColorTableStorageNode: words parted by white space, lines of at most 1023 bytes."""
    colors = {}
    assert text.startswith("# Color table file")
    for line in text.split("\n"):
        assert len(line.encode()) < 1024
        if not line or line.startswith("#"):
            continue
        value, name, *rgba = line.split()
        assert len(rgba) == 4
        assert int(value) not in colors
        colors[int(value)] = (name, tuple(int(part) for part in rgba))
    return colors


def read_table(text: str) -> list[list[str]]:
    """The block of lines between the first two blank ones, without its head."""
    return [line.split(maxsplit=3) for line in text.split("\n\n")[1].split("\n")[1:]]


def rgb_of(color: str) -> tuple[int, ...]:
    return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))


def test_the_reference_study_in_every_file() -> None:
    files = label_files(REFERENCE)
    assert list(files) == [ITKSNAP_FILE, SLICER_FILE, MEDSEG_FILE]
    turquoise, blue, yellow = (64, 224, 208), (31, 95, 255), (255, 225, 0)
    snap, _ = read_itksnap(files[ITKSNAP_FILE])
    assert snap[0] == ("Clear Label", (0, 0, 0))
    assert snap[1] == ("level1: slightly increased, diffuse", turquoise)
    assert [snap[value][1] for value in (1, 2, 3)] == [turquoise, blue, yellow]
    assert read_slicer(files[SLICER_FILE]) == {
        0: ("background", (0, 0, 0, 0)),
        1: ("level1", (*turquoise, 255)),
        2: ("level2", (*blue, 255)),
        3: ("level3", (*yellow, 255)),
    }
    assert read_table(files[MEDSEG_FILE])[2] == ["2", "level2", "#1f5fff", "mildly increased, focal"]


@pytest.mark.parametrize("number", [1, MOST_LEVELS])
def test_every_level_is_in_every_file(number: int) -> None:
    study = study_of(levels_like([""] * number))
    files = label_files(study)
    snap, flags = read_itksnap(files[ITKSNAP_FILE])
    slicer = read_slicer(files[SLICER_FILE])
    table = read_table(files[MEDSEG_FILE])
    assert list(snap) == list(slicer) == list(range(number + 1))  # background first
    assert flags[0] == (0, 0, 0)
    assert f"# {number + 1} values\n" in files[SLICER_FILE]
    for level, row in zip(study.levels, table[1:], strict=True):
        rgb = rgb_of(level.color)
        assert snap[level.value] == (level.name, rgb)
        assert flags[level.value] == (1, 1, 1)
        assert slicer[level.value] == (level.name, (*rgb, 255))
        assert row == [str(level.value), level.name, level.color.lower()]


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_no_description_breaks_a_file(descriptions: list[str]) -> None:
    """Quotation marks, line ends, control and bidirectional characters: every level stays one line."""
    study = study_of(levels_like(descriptions))
    files = label_files(study)
    snap, _ = read_itksnap(files[ITKSNAP_FILE])
    assert [snap[level.value][0].split(":")[0] for level in study.levels] == [
        level.name for level in study.levels
    ]
    assert len(read_slicer(files[SLICER_FILE])) == len(descriptions) + 1
    assert len(read_table(files[MEDSEG_FILE])) == len(descriptions) + 1
    assert all(line.isprintable() for text in files.values() for line in text.split("\n"))


def test_quotation_marks_become_apostrophes_and_lines_are_joined() -> None:
    hostile = 'as "fluid"\n# 7 0 0 0\t1\r\n  2 9 9 9 1 1 1 "level9"\u202e' + "x" * 2000
    files = label_files(study_of(levels_like([hostile])))
    snap, _ = read_itksnap(files[ITKSNAP_FILE])
    expected = "as 'fluid' # 7 0 0 0 1 2 9 9 9 1 1 1 'level9' " + "x" * 2000
    assert snap == {0: ("Clear Label", (0, 0, 0)), 1: (f"level_1: {expected}", (1, 128, 255))}
    assert list(read_slicer(files[SLICER_FILE])) == [0, 1]
    assert read_table(files[MEDSEG_FILE])[1][3].startswith('as "fluid" # 7')


def test_what_is_unsure_is_a_label_to_draw() -> None:
    text = label_files(study_of(levels_like(["faint", "bright"])))[SLICER_FILE]
    assert "ignore" not in text
    fields = REFERENCE.model_dump() | {"groups": [], "levels": levels_like(["faint", "bright"])}
    files = label_files(Study.model_validate(fields | {"scores": {"ignore": 255}}))
    assert "255 ignore 128 128 128 255" in files[SLICER_FILE]
    assert read_itksnap(files[ITKSNAP_FILE])[0][255][0].startswith("ignore: not sure which level")
    assert "255     ignore" in files[MEDSEG_FILE]
