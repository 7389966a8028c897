"""A copy is called a copy and scored as its reader; honest raters, however good, are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, grey_dilation, grey_erosion

import evaluation as ev
from evaluation.consensus.votes import count_votes
from evaluation.masks.moved import find_moved
from evaluation.scores.twins import (
    ALL,
    COLUMNS,
    COPY,
    IN_PART,
    NEARLY,
    alike,
    find_twins,
    in_words,
    scored_as_reader,
    twin_models,
    twins_of,
)
from evaluation.study import lineage, tables

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
READERS = ["reader1", "reader2", "reader3", "reader4"]
Masks = dict[str, np.ndarray]


def exam_of(seed: int, shape: tuple[int, int, int] = (40, 30, 8)) -> Masks:
    """Four readers of one signal; a student who sees it without noise and draws by reader1's thresholds."""
    rng = np.random.default_rng(seed)

    def smooth(scale: float) -> np.ndarray:
        field = gaussian_filter(rng.normal(size=shape), (scale, scale, scale / 3))
        return field / field.std()

    signal = smooth(3.0)
    cuts = {reader: np.array([0.7, 1.3, 1.9]) + rng.normal(0, 0.12, 3) for reader in READERS}
    masks = {
        reader: np.digitize(signal + 0.25 * smooth(1.5), cuts[reader]).astype(np.uint8) for reader in READERS
    }
    masks["student"] = np.digitize(signal, cuts["reader1"]).astype(np.uint8)
    for mask in masks.values():
        # Nobody marks at the very border: what is moved stays in the volume.
        mask[[0, -1]] = mask[:, [0, -1]] = mask[:, :, [0, -1]] = 0
    return masks


def noisy(mask: np.ndarray, share: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(int(mask.sum()))
    found = mask.copy()
    voxels = np.flatnonzero(mask)
    chosen = voxels[rng.random(len(voxels)) < share]
    found.flat[chosen] = (found.flat[chosen] + 1) % 4
    return found


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noise": noisy,
    "moved": lambda mask: np.roll(mask, 1, axis=0),
    "moved by a slice": lambda mask: np.roll(mask, 1, axis=2),
    "grown": lambda mask: grey_dilation(mask, size=(3, 3, 1)),
    "shrunk": lambda mask: grey_erosion(mask, size=(3, 3, 1)),
}


def twins(
    exams: list[Masks], labels: tuple[int, ...] = (0, 1, 2, 3), readers: list[str] = READERS
) -> pd.DataFrame:
    found = []
    for number, masks in enumerate(exams):
        votes = count_votes(masks, labels)
        levels = {f"level{label}": label for label in labels[1:]}
        found.append(alike(votes, levels, find_moved(masks, votes)).assign(exam=f"e{number}"))
    return find_twins(pd.concat(found, ignore_index=True), readers)


def kinds(found: pd.DataFrame) -> dict[tuple[str, str], str]:
    pairs = found[found.level == ALL]
    return dict(zip(zip(pairs.rater, pairs.other, strict=True), pairs.kind, strict=True))


@pytest.fixture(scope="module")
def exams() -> list[Masks]:
    """The shortest study: five exams."""
    return [exam_of(seed) for seed in range(5)]


def test_honest_raters_are_no_twins_not_even_a_student_without_noise(exams: list[Masks]) -> None:
    found = twins(exams)
    assert found.empty
    assert in_words(found, READERS) == [
        "No rater's masks are another's, as far as was looked: identical, or nearly so."
    ]


def test_a_copy_is_called_a_copy_next_to_how_alike_readers_are(exams: list[Masks]) -> None:
    found = twins([{**exam, "net": exam["reader1"]} for exam in exams])
    assert kinds(found) == {("net", "reader1"): COPY}
    assert found.level.tolist() == [ALL, *LEVELS]
    assert (found.dice == 1).all()
    own = found[found.level == ALL].iloc[0]
    assert 0.4 < own.readers_median <= own.readers_highest < 0.95
    assert twins_of(found, READERS) == {"net": "reader1"}
    assert in_words(found, READERS) == [
        "net is a copy of reader1: equal in every voxel of 5 exams (readers among themselves: Dice "
        f"{own.readers_median:.2f}, at most {own.readers_highest:.2f}). It gets no verdict, and the scores "
        "that reader1 gets: without reader1's own mask."
    ]


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_that_was_changed_a_little_is_found(exams: list[Masks], change: str) -> None:
    found = twins([{**exam, "net": CHANGES[change](exam["reader1"])} for exam in exams])
    assert kinds(found) == {("net", "reader1"): NEARLY}
    assert twins_of(found, READERS) == {"net": "reader1"}
    how = {"noise": "", "grown": "grown or shrunk by one voxel", "shrunk": "grown or shrunk by one voxel"}
    assert found.how.unique().tolist() == [how.get(change, "moved by one voxel")]


def test_masks_shared_in_some_exams_are_named_with_the_exams(exams: list[Masks]) -> None:
    given = [{**exam, "net": exam["reader2" if n in (1, 3) else "student"]} for n, exam in enumerate(exams)]
    found = twins([{name: mask for name, mask in exam.items() if name != "student"} for exam in given])
    assert kinds(found) == {("net", "reader2"): IN_PART}
    assert in_words(found, READERS)[0].startswith("net has the masks of reader2 in 2 of 5 exams (e1, e3)")
    few = [{name: mask[:6, :8, :3] for name, mask in exam.items()} for exam in given]
    assert all(np.count_nonzero(exam["reader2"]) < 100 for exam in few)
    assert any(few[n]["reader2"].any() for n in (1, 3))
    assert IN_PART not in kinds(twins([{k: m for k, m in exam.items() if k != "student"} for exam in few]))


def test_one_folder_given_twice_among_readers_or_models(exams: list[Masks]) -> None:
    found = twins(
        [{**exam, "reader2": exam["reader1"], "a": exam["student"], "b": exam["student"]} for exam in exams]
    )
    assert kinds(found) == {
        ("reader2", "reader1"): COPY, ("a", "student"): COPY, ("b", "student"): COPY, ("b", "a"): COPY,
    }  # fmt: skip
    assert twins_of(found, READERS) == {}
    assert len(twin_models(found, READERS)) == 3
    assert any("They count as two readers in every consensus" in words for words in in_words(found, READERS))


def test_raters_who_marked_nothing_are_no_twins() -> None:
    nothing = np.zeros((6, 5, 4), np.uint8)
    some = nothing.copy()
    some[2:4, 2:4] = 1
    assert twins([{"reader1": nothing, "reader2": nothing, "net": nothing}], (0, 1)).empty
    found = twins([{"reader1": some, "reader2": nothing, "net": nothing}], (0, 1))
    assert found.empty


def test_without_other_readers_only_what_is_equal_counts(exams: list[Masks]) -> None:
    near = [{"reader1": exam["reader1"], "net": noisy(exam["reader1"], 0.01)} for exam in exams]
    assert twins(near).empty
    same = [{"reader1": exam["reader1"], "net": np.roll(exam["reader1"], 1, 1)} for exam in exams]
    assert kinds(twins(same)) == {("net", "reader1"): NEARLY}


def test_no_honest_pair_of_real_people_is_a_twin_and_their_copies_are(test_data: Path) -> None:
    source = test_data / "bubil_multiannotator" / "BU-BIL_Dataset2" / "ExpertsAnnotations" / "2A"
    people = [f"person{number}" for number in range(1, 6)]
    exams = []
    for png in sorted((source / "Person1_ImageJ").glob("seg_P*.png")):
        exam = {}
        for person in people:
            image = sitk.ReadImage(str(source / f"{person.capitalize()}_ImageJ" / png.name))
            exam[person] = (sitk.GetArrayFromImage(image).min(axis=-1) == 0).astype(np.uint8)[:, :, None]
        rows, columns, _ = np.nonzero(sum(exam.values()))
        around = (
            slice(max(rows.min() - 3, 0), rows.max() + 4),
            slice(max(columns.min() - 3, 0), columns.max() + 4),
        )
        exams.append({person: mask[around] for person, mask in exam.items()})
    assert len(exams) == 10
    assert twins(exams, (0, 1), people[:4]).empty
    moved = [{**exam, "net": np.roll(exam["person2"], 1, 1)} for exam in exams]
    assert kinds(twins(moved, (0, 1), people[:4])) == {("net", "person2"): NEARLY}


def test_in_a_study_a_copy_has_its_readers_fair_scores_and_no_verdict(exams: list[Masks]) -> None:
    masks = [{**exam, "net": exam["reader1"]} for exam in exams]
    raters = {name: [exam[name] for exam in masks] for name in masks[0]}
    study = ev.read_study(
        {reader: raters[reader] for reader in READERS},
        {name: raters[name] for name in ("net", "student")},
        levels=LEVELS, rule="majority", yardstick="majority",
    )  # fmt: skip
    fair = study.fair_scores.set_index(["exam", "level"])
    assert (fair.left_out[fair.rater == "net"] == "reader1").all()
    pd.testing.assert_series_equal(fair.dice[fair.rater == "net"], fair.dice[fair.rater == "reader1"])
    table = study[tables.TABLE1_FAIR].set_index(["way", "level", "rater"])["median"]["fair"].unstack()
    np.testing.assert_allclose(table.net, table.reader1)
    calls = {(each.first, each.second): each.call for each in tables.verdicts(study)}
    assert {pair: call for pair, call in calls.items() if "net" in pair} == {("net", "reader1"): "copy"}
    assert calls[("student", "median reader")] != "copy"
    assert lineage.twins_told(study)[0].startswith("net is a copy of reader1")


@pytest.mark.parametrize("name", ["e1", "knee, left", "e0, e1"])
def test_one_shared_exam_is_scored_as_the_readers(name: str) -> None:
    found = pd.DataFrame(
        [("net", "reader1", IN_PART, "", ALL, 0.8, 0.6, 0.7, 1, 1, 2, 2, name)],
        columns=COLUMNS,
    )
    fair = pd.DataFrame(
        [
            ("e0", "net", "reader1"),
            ("e0", "net", "reader2"),
            ("e1", "net", "reader1"),
            ("e1", "net", "reader2"),
            ("e1", "reader2", "reader2"),
        ],
        columns=["exam", "rater", "left_out"],
    ).replace("e1", name)
    kept = scored_as_reader(fair, found, ["reader1", "reader2"])
    assert kept.index.tolist() == [0, 1, 2, 3]
    assert kept.to_numpy().tolist() == fair.drop(index=3).to_numpy().tolist()
