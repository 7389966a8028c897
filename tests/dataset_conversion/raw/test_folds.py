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


def test_knees_of_a_patient_stay_together() -> None:
    exams = pd.DataFrame({"exam": [f"e{i}" for i in range(12)], "patient": [f"p{i // 2}" for i in range(12)]})
    for fold in make_folds(exams, folds=3, seed=0):
        held_out = exams[exams.exam.isin(fold["val"])]
        rest = exams[exams.exam.isin(fold["train"])]
        assert not set(held_out.patient) & set(rest.patient)


def test_same_seed_same_folds_whatever_the_row_order() -> None:
    exams = pd.DataFrame({"exam": [f"e{i}" for i in range(20)], "site": ["a", "b"] * 10})
    one = make_folds(exams, folds=5, seed=1)
    assert one == make_folds(exams.sample(frac=1, random_state=3), folds=5, seed=1)
    assert one != make_folds(exams, folds=5, seed=2)


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_exams_than_folds(count: int) -> None:
    exams = pd.DataFrame({"exam": [f"e{i}" for i in range(count)]})
    assert len(make_folds(exams, folds=5, seed=0)) == count
