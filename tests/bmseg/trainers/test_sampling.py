"""Which exams and levels patches are drawn around."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as trainer_module

from bmseg.trainers.sampling import DataLoaderByLevel, loaders_by_level

SHAPE = (3, 40, 40)
#: A level to its slice: the place of a patch tells which level it was drawn around.
HELD = {"all": (1, 2, 3), "low": (1,), "two": (1, 2), "none": ()}


class Exams:
    identifiers = (*HELD,)

    def load_case(self, exam: str) -> tuple[Any, Any, None, dict[str, Any]]:
        where = {
            level: np.array([[0, level - 1, 20, 20]] * (level in HELD[exam])).reshape(-1, 4)
            for level in (1, 2, 3)
        }
        return (
            np.zeros((1, *SHAPE), np.float32),
            np.zeros((1, *SHAPE), np.int8),
            None,
            {"class_locations": where},
        )


def loader(kind: type, has_ignore: bool = False) -> Any:
    labels = SimpleNamespace(all_labels=[0, 1, 2, 3], has_ignore_label=has_ignore)
    return kind(Exams(), 4, (8, 8), (8, 8), labels, oversample_foreground_percent=0.66)


def drawn_levels(made: Any, where: Any, n: int = 7000) -> Counter[int]:
    return Counter(made.get_bbox(SHAPE, True, where)[0][0] + 1 for _ in range(n))


def test_pairs_of_exam_and_level_are_drawn_by_the_level() -> None:
    made = loader(DataLoaderByLevel)
    # 1 + 2 + 4, 1, 1 + 2, and as the lowest level where there is none.
    np.testing.assert_allclose(made.sampling_probabilities, np.array([7, 1, 3, 1]) / 12)
    np.random.seed(0)
    exams = Counter(np.concatenate([made.get_indices() for _ in range(3000)]).tolist())
    assert exams["all"] / exams.total() == pytest.approx(7 / 12, abs=0.02)

    levels = drawn_levels(made, made._data.load_case("all")[3]["class_locations"])
    assert [levels[one] / 7000 for one in (1, 2, 3)] == pytest.approx([1 / 7, 2 / 7, 4 / 7], abs=0.02)
    levels = drawn_levels(made, made._data.load_case("two")[3]["class_locations"])
    assert [levels[one] / 7000 for one in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 0], abs=0.02)
    # nnU-Net's own, which this is beside.
    levels = drawn_levels(loader(nnUNetDataLoader), made._data.load_case("all")[3]["class_locations"])
    assert [levels[one] / 7000 for one in (1, 2, 3)] == pytest.approx([1 / 3] * 3, abs=0.02)


def test_what_is_annotated_is_no_level() -> None:
    made = loader(DataLoaderByLevel, has_ignore=True)
    where = {
        **made._data.load_case("low")[3]["class_locations"],
        (-1, 0, 1, 2, 3): np.array([[0, 2, 20, 20]]),
    }
    assert drawn_levels(made, where, 50) == {1: 50}
    # A patch anywhere is drawn there, as nnU-Net has it.
    assert made.get_bbox(SHAPE, False, where)[0][0] == 2


def test_an_exam_without_a_level_gives_any_patch() -> None:
    made = loader(DataLoaderByLevel)
    batch = next(made)
    assert batch["data"].shape == (4, 1, 8, 8)
    assert len(drawn_levels(made, made._data.load_case("none")[3]["class_locations"], 200)) == 3


def test_nnunets_loader_is_there_again() -> None:
    with loaders_by_level():
        assert trainer_module.nnUNetDataLoader is DataLoaderByLevel
    assert trainer_module.nnUNetDataLoader is nnUNetDataLoader
