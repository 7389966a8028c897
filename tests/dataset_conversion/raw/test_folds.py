import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_conversion.raw.folds import make_folds


@settings(max_examples=40)
@given(
    sites=st.lists(st.sampled_from(["Oslo", "Tromso"]), min_size=2, max_size=60),
    folds=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_every_exam_is_held_out_once_and_folds_are_alike(sites: list[str], folds: int, seed: int) -> None:
    exams = pd.DataFrame({"exam": [f"e{i:02d}" for i in range(len(sites))], "site": sites})
    splits = make_folds(exams, folds=folds, seed=seed)
    assert sorted(exam for fold in splits for exam in fold["val"]) == sorted(exams.exam)
    held_out = [len(fold["val"]) for fold in splits]
    assert max(held_out) - min(held_out) <= 1
    for fold in splits:
        assert fold["train"]
        assert len(splits) == 1 or not set(fold["train"]) & set(fold["val"])
    for site in ("Oslo", "Tromso"):
        there = set(exams.exam[exams.site == site])
        counts = [len(there & set(fold["val"])) for fold in splits]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=60)
@given(
    patients=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=2, max_size=40),
    sites=st.lists(st.sampled_from(["Oslo", "Tromso"]), min_size=40, max_size=40),
    folds=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_no_patient_is_in_two_folds(
    patients: list[int | None], sites: list[str], folds: int, seed: int
) -> None:
    """Also one whose exams come from two sites; who is not named is a patient of one exam."""
    names = [None if patient is None else f"p{patient}" for patient in patients]
    exams = pd.DataFrame({"exam": [f"e{i:02d}" for i in range(len(names))], "site": sites[: len(names)]})
    exams["patient"] = pd.Series(names, dtype=object)
    splits = make_folds(exams, folds=folds, seed=seed)
    assert sorted(exam for fold in splits for exam in fold["val"]) == sorted(exams.exam)
    of_exam = {exam: patient or exam for exam, patient in zip(exams.exam, names, strict=True)}
    assert len(splits) == min(folds, len(set(of_exam.values())))
    for fold in splits:
        held_out, rest = ({of_exam[exam] for exam in fold[part]} for part in ("val", "train"))
        assert len(splits) == 1 or not held_out & rest


def test_with_one_exam_a_patient_patients_change_nothing() -> None:
    exams = pd.DataFrame({"exam": [f"e{i:02d}" for i in range(13)], "site": ["a", "b", "b"] * 4 + ["a"]})
    one = make_folds(exams.assign(patient=[f"p{i:02d}" for i in range(13)]), folds=5, seed=3)
    assert one == make_folds(exams, folds=5, seed=3)
    # As since the first version.
    assert [fold["val"] for fold in one] == [
        ["e02", "e09", "e10"], ["e05", "e11", "e12"], ["e00", "e01", "e08"], ["e04", "e06"], ["e03", "e07"]
    ]  # fmt: skip


def test_same_seed_same_folds_whatever_the_row_order() -> None:
    exams = pd.DataFrame({"exam": [f"e{i}" for i in range(20)], "site": ["a", "b"] * 10})
    one = make_folds(exams, folds=5, seed=1)
    assert one == make_folds(exams.sample(frac=1, random_state=3), folds=5, seed=1)
    assert one != make_folds(exams, folds=5, seed=2)


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_exams_than_folds(count: int) -> None:
    exams = pd.DataFrame({"exam": [f"e{i}" for i in range(count)]})
    assert len(make_folds(exams, folds=5, seed=0)) == count
