"""The viewer as files: what is in them, that voxels come back, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmseg.viewer import viewer_link, worst_slice
from bmseg.viewer.packing import PackedImage
from bmseg.viewer.page import write_viewer
from bmseg.viewer.shown import ViewedRater
from tests.bmseg.viewer.exams import CAST, NAMES, SHAPE, SPACING, content, exam, write
from tests.support.rooms import unpack_image, unpack_mask


@given(st.text(min_size=1), st.integers(1, 900), st.text(min_size=1), st.text(min_size=1))
def test_a_link_says_what_it_was_given(name: str, slice_: int, rater: str, level: str) -> None:
    page, _, asked = viewer_link(name, slice_, rater, level).partition("#")
    assert page == "exams/index.html"
    given_ = {"exam": [name], "slice": [str(slice_)], "rater": [rater], "level": [level]}
    assert parse_qs(asked, strict_parsing=True) == given_
    # Nothing in it ends an attribute or the address.
    assert re.fullmatch(r"[\w.~%&=/+-]+", asked)


def test_the_worst_slice_has_most_voxels_that_differ() -> None:
    reference, mask = np.zeros((4, 4, 5), int), np.zeros((4, 4, 5), int)
    reference[0, :2, 1] = 3
    mask[0, :3, 3] = 1
    reference[0, 0, 3] = 2
    assert worst_slice(mask, reference) == 4
    assert worst_slice(mask, reference, [3]) == 2
    assert worst_slice(mask, reference, [1, 2]) == 4
    assert worst_slice(mask, reference, [5]) is None
    # As one: another of these levels is no error.
    assert worst_slice(np.full((1, 1, 1), 2), np.full((1, 1, 1), 3), [2, 3]) is None
    assert worst_slice(np.full((1, 1, 1), 2), np.full((1, 1, 1), 3)) == 1


def test_every_exam_is_a_script_of_its_own_with_its_voxels(tmp_path: Path) -> None:
    page = write(tmp_path / "exams")
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "index.html", "knee 1 & 2.js", "knee_093.js",
    ]  # fmt: skip
    for name in NAMES:
        found, shown = content((page.parent / f"{name}.js").read_text()), exam(name)
        packed = PackedImage(found["image"]["text"], found["image"]["offset"], found["image"]["scale"])
        assert np.array_equal(unpack_image(packed, SHAPE), shown.image)
        assert [*found["masks"]] == [*shown.masks]
        for rater, mask in shown.masks.items():
            # Levels by their place in the study: 1 and 3 are the first and second.
            expected = np.select([mask == 1, mask == 3], [1, 2], 0)
            assert np.array_equal(unpack_mask(found["masks"][rater], SHAPE), expected)
        assert found["voxel_ml"] == pytest.approx(np.prod(SPACING) / 1000)
        assert found["dice"] == shown.dice
        assert found["foci"][0] | {} == {
            "rater": "net", "level": "level3", "outcome": "missed", "called": "none", "ml": 0.102,
            "i": 22.5, "j": 12.5, "slice": 6,
        }  # fmt: skip
    assert "knee_093" not in (page.parent / "knee 1 & 2.js").read_text()


def test_without_an_image_there_is_none(tmp_path: Path) -> None:
    page = write(tmp_path, image=False)
    assert content((page.parent / "knee_093.js").read_text())["image"] is None


def test_page_and_files_of_another_evaluation_do_not_fit(tmp_path: Path) -> None:
    pages = [write(tmp_path / name, made_from=name) for name in ("a", "b", "b/again")]
    pages[2] = write(tmp_path / "again", made_from="b")
    first, other, again = (content((page.parent / "knee_093.js").read_text())["build"] for page in pages)
    assert first != other == again


def test_text_of_a_study_ends_no_element(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    cast = replace(
        CAST,
        levels=[CAST.levels[0].model_copy(update={"description": hostile}), CAST.levels[1]],
        raters=[*CAST.raters, ViewedRater("reader3", "reader", title=hostile)],
        notes=[hostile],
    )
    page, *_ = write_viewer(tmp_path, cast, NAMES[:1], [exam(NAMES[0])])
    html = page.read_text()
    assert "<script>alert(1)" not in html
    assert html.count("</script>") == html.count("<script")


def test_people_read_titles_and_addresses_keep_names(tmp_path: Path) -> None:
    cast = replace(CAST, titles={"level3": "Level 3", "level1+3": "All levels", "net": "nnU-Net"})
    page, *_ = write_viewer(tmp_path, cast, NAMES[:1], [exam(NAMES[0])])
    html = page.read_text()
    for head in ("level1", "Level 3", "All levels"):
        assert f'<th scope="col" class="number">{head}</th>' in html
    assert 'aria-label="Compare nnU-Net"' in html
    assert '"name": "level3", "title": "Level 3"' in html
    assert '"name": "net", "kind": "model", "title": "nnU-Net"' in html
    assert 'data-area="level3"' in html


def test_nothing_runs_but_its_own_program_and_files_beside_it(tmp_path: Path) -> None:
    html = write(tmp_path).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy
    assert re.search(r"script-src 'self' 'sha256-[\w+/=]+';", unescape(policy[1]))
    assert "http" not in html.replace("http-equiv", "")
    assert not re.findall(r'(?:src|href)="(?!data:|#main)', html)


def test_exams_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found 1, expected each of 2 once"):
        write_viewer(tmp_path, CAST, NAMES, [exam(NAMES[0])])
    other = replace(exam("a"), image=np.zeros((3, 3, 3)))
    with pytest.raises(ValueError, match=r"a: shape: found \(3, 3, 3\), \(48, 40, 7\)"):
        write_viewer(tmp_path, CAST, ["a"], [other])
