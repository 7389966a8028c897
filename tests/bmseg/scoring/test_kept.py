"""Exams that were scored are kept by their inputs: found again where these are the same, and only there."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bmseg.errors import WorkError
from bmseg.outputs import read_record, write_record
from bmseg.scoring import evaluate as evaluating
from bmseg.scoring.evaluate import evaluate, score_share
from bmseg.scoring.evaluation import Evaluation
from bmseg.scoring.exams import Scoring
from bmseg.scoring.kept import Kept, KeptExam
from bmseg.scoring.prepared import prepare
from bmseg.scoring.raters import Raters
from bmseg.study import load_study
from bmseg.untrusted.pickled import unpickled
from dataset_conversion.images import Volume
from evaluation.study import Design, score_exam
from tests.support.files import bytes_of
from tests.support.masks import save_mask, thresholded
from tests.support.studies import SMALL_EXAMS, small_raters, small_study

pytestmark = pytest.mark.usefixtures("no_figures")
LEVELS = {"level1": 1, "level2": 2, "level3": 3}


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Raters]:
    """A study and its masks."""
    return small_study(tmp_path, '\n[scores]\nmeasures = ["dice"]\n'), small_raters(tmp_path, "net")


@pytest.fixture(autouse=True)
def kept_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of small masks too, without processes, which are tested by themselves."""
    monkeypatch.setattr(evaluating, "_LARGE_BYTES", 0)
    monkeypatch.setattr(
        "bmseg.scoring.exams.run_each", lambda work, items, **_: ((item, work(item)) for item in items)
    )


def run(small: tuple[Path, Raters], out: Path, **given: Any) -> Evaluation:
    study, raters = small
    return evaluate(load_study(study), study, raters, out, **given)


def unfinished(out: Path) -> None:
    """As a run leaves it that was stopped while its results were put in place."""
    record = out / "provenance.json"
    write_record(record, {key: read_record(record)[key] for key in ("kind", "outputs")})


def kept_in(out: Path) -> list[Path]:
    return sorted((out / ".scored").iterdir())


def same(one: Any, other: Any) -> None:
    """All that two results of an exam hold, to the type of every number."""
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif is_dataclass(one) and not isinstance(one, type):
        for field in fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, Mapping):
        assert [*one] == [*other]
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            same(each, its)
    else:
        assert type(one) is type(other)
        assert one == other or (one != one and other != other)


DESIGNS: list[dict[str, Any]] = [
    {"measures": ["nsd@readers", "hd95", "volume_difference", "foci_f1"], "groups": {"level2+3": (2, 3)}},
    {"ordered": False, "measures": ["assd"], "yardstick": "multilabel"},
    {"ignore": 9, "repeats": {"again": "reader1"}},
]


@pytest.mark.parametrize("chosen", DESIGNS)
def test_what_is_kept_of_an_exam_is_all_that_was_found(chosen: dict[str, Any], tmp_path: Path) -> None:
    masks = thresholded(["reader1", "reader2", "reader3", "net", "again"], shape=(12, 10, 4), seed=1)
    if "repeats" not in chosen:
        del masks["again"]
    if "ignore" in chosen:
        masks["reader2"] = np.where(masks["reader2"] == 2, 9, masks["reader2"])
    volumes = {
        rater: Volume(mask.astype(np.uint8), np.diag([-1, -1, 3, 1.0])) for rater, mask in masks.items()
    }
    probabilities = {"net": np.full((4, 12, 10, 4), 0.25)}
    readers = ["reader1", "reader2", "reader3"]
    scored, _ = score_exam(
        Design(levels=LEVELS, **chosen), "e", volumes, readers, probabilities=probabilities
    )
    kept = Kept(tmp_path)
    back = kept.keep(kept.path("e", "0" * 64), scored, {"consensus": b"of it"})
    for field in fields(scored):
        same(getattr(scored, field.name), getattr(back, field.name))
    assert back.files == {"consensus": b"of it"}
    assert not hasattr(back, "nothing")
    again = pickle.loads(pickle.dumps(back))
    assert isinstance(again, KeptExam) and again.path == back.path


def test_kept_exams_make_the_same_results_as_exams_in_memory(
    small: tuple[Path, Raters], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, _ = small
    study.write_text(study.read_text().replace('"dice"', '"nsd@readers", "foci_f1"'))
    with monkeypatch.context() as patch:
        patch.setattr(evaluating, "_LARGE_BYTES", 10**9)
        run(small, tmp_path / "memory")
    found = run(small, tmp_path / "kept")
    assert found.earlier == 0
    assert len(kept_in(tmp_path / "kept")) == len(SMALL_EXAMS)
    of_memory, of_kept = bytes_of(tmp_path / "memory"), bytes_of(tmp_path / "kept")
    assert of_memory == {name: of for name, of in of_kept.items() if not name.startswith(".scored/")}


@pytest.mark.usefixtures("few_tables")
def test_what_was_scored_from_the_same_files_is_not_scored_again(
    small: tuple[Path, Raters], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(small, out)
    scored: list[str] = []
    scoring = Scoring.score
    monkeypatch.setattr(Scoring, "score", lambda self, exam: scored.append(exam.name) or scoring(self, exam))
    # What tables alone depend on.
    assert run(small, out, margin=0.1).earlier == 3
    study, _ = small
    study.write_text(study.read_text() + '\n[[models]]\nname = "net"\ntitle = "Ours"\n')
    assert run(small, out).earlier == 3
    assert scored == []
    # One mask of one exam, even of a model.
    save_mask(tmp_path / "net" / "knee_b.nii.gz", np.ones((12, 10, 4), np.uint8))
    found = run(small, out)
    assert (found.earlier, scored) == (2, ["knee_b"])
    assert len(kept_in(out)) == 3
    # What shapes every exam.
    study.write_text(study.read_text().replace('"dice"', '"volume_difference"'))
    assert run(small, out).earlier == 0


def flipped(whole: bytes) -> bytes:
    """One bit in the middle of a part."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.getinfo("scores").header_offset + 60
    return whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


@pytest.mark.usefixtures("few_tables")
@pytest.mark.parametrize("damage", [flipped, lambda whole: whole[: len(whole) // 2], lambda _: b""])
def test_a_damaged_exam_is_scored_again(
    small: tuple[Path, Raters], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    out = tmp_path / "out"
    run(small, out)
    before = bytes_of(out)
    first = kept_in(out)[0]
    first.write_bytes(damage(first.read_bytes()))
    unfinished(out)
    assert run(small, out).earlier == 2
    after = bytes_of(out)
    assert {name for name in before if before[name] != after[name]} <= {
        first.relative_to(out).as_posix(), "provenance.json"
    }  # fmt: skip


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_nothing_is_called_that_a_kept_file_names(small: tuple[Path, Raters], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small, out)
    path = kept_in(out)[1]
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, pickle.dumps(_Hostile(tmp_path / "made")) if name == "scores" else content)
    unfinished(out)
    with pytest.raises(
        WorkError, match=rf"{path.name}: scores: found posix\.mkdir, expected .*; remove the file"
    ):
        run(small, out)
    assert not (tmp_path / "made").exists()
    path.unlink()
    assert run(small, out).earlier == 2


@pytest.mark.parametrize(
    "value", [print, Path("x"), load_study, np.load, pd.read_pickle, {1: (2, Scoring)}, Scoring.score]
)
def test_only_results_are_read_back(value: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="expected arrays, tables and results"):
        unpickled(pickle.dumps(value))


def test_shares_are_joined_by_a_run_that_scores_nothing(small: tuple[Path, Raters], tmp_path: Path) -> None:
    study, raters = small
    run(small, tmp_path / "plain")
    out = tmp_path / "out"
    prepared = prepare(load_study(study), study, raters, out)
    assert score_share(prepared, 1, 2) == (2, 0)
    assert score_share(prepared, 2, 2) == (1, 0)
    assert score_share(prepared, 1, 2) == (2, 2)
    assert not (out / "provenance.json").exists()
    assert run(small, out).earlier == 3
    plain, joined = bytes_of(tmp_path / "plain"), bytes_of(out)
    assert {name for name in plain if ".scored/" not in name and plain[name] != joined[name]} == set()


def test_files_that_change_while_an_exam_is_scored_keep_nothing(
    small: tuple[Path, Raters], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring = Scoring.score

    def changed(self: Scoring, exam: Any) -> Any:
        found = scoring(self, exam)
        save_mask(tmp_path / "net" / f"{exam.name}.nii.gz", np.zeros((12, 10, 4), np.uint8))
        return found

    monkeypatch.setattr(Scoring, "score", changed)
    with pytest.raises(WorkError, match="^knee_a: found files that changed while they were scored"):
        run(small, tmp_path / "out")
    assert not (tmp_path / "out").exists()
