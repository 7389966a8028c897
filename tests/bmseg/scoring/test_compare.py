"""`bmseg compare`'s function on a workspace: what it makes, prints, keeps and refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from bmseg.errors import InputError
from bmseg.outputs.provenance import write_record
from bmseg.scoring.compare import compare_methods
from bmseg.scoring.drawn import read_drawn
from bmseg.scoring.evaluate import evaluate_workspace
from bmseg.status import status_of
from bmseg.workspace import Workspace, open_workspace
from dataset_conversion.images import read_volume
from dataset_conversion.raw.dataset import RawDataset
from tests.support.studies import dice_alone

pytestmark = pytest.mark.usefixtures("no_figures")

READERS = ["reader1", "reader2", "reader3", "reader4"]
EXAMS = [f"knee_{number}" for number in range(8)]


@pytest.fixture
def opened(tmp_path: Path, write_mask: Callable[..., Path], ordinal_masks: Callable) -> Workspace:
    """A workspace with readers and three methods; unet's masks are those of nnunet, shifted."""
    workspace, study = open_workspace(tmp_path / "ws", dice_alone(tmp_path), create=True)
    dataset = RawDataset.create(workspace.nnunet_raw, study.dataset_spec)
    for seed, exam in enumerate(EXAMS):
        masks = ordinal_masks([*READERS, "nnunet", "third"], seed=seed)
        for reader in READERS:
            write_mask(dataset.mask_path(exam, "test", reader), masks[reader])
        for method, mask in (("nnunet", masks["nnunet"]), ("third", masks["third"])):
            write_mask(workspace.predictions(method) / f"{exam}.nii.gz", mask)
        shifted = masks["nnunet"].copy()
        shifted[3:] = masks["nnunet"][:-3]
        write_mask(workspace.predictions("unet") / f"{exam}.nii.gz", shifted)
    (dataset.folder / "dataset.json").write_text("{}")
    rows = pd.DataFrame({"exam": EXAMS, "split": "test", "synthetic": True})
    rows.to_csv(dataset.cohort_path, index=False)
    return workspace


def test_methods_beside_readers_and_each_other(opened: Workspace, few_tables: Callable[..., None]) -> None:
    few_tables("fair_dice", "table1_fair", "comparisons", "methods_compared", "interchangeability", "twins")
    workspace = opened
    found = compare_methods(workspace)
    out = workspace.evaluation
    assert not found.evaluation.skipped
    table1, pairs, costs = found.tables
    # As the evaluation wrote them.
    assert table1.to_markdown() == (out / "table1_fair.md").read_text()
    assert pairs.to_markdown() == (out / "methods_compared.md").read_text()
    written = [(out / f"costs.{ending}").read_text() for ending in ("csv", "md", "html")]
    assert written == [costs.to_csv(), costs.to_markdown(), costs.to_html()]
    words = (out / "methods_compared_in_words.md").read_text().splitlines()
    assert f"- {found.sentences[0]}" not in words
    assert set(words[:3]) < {f"- {sentence}" for sentence in found.sentences}
    assert all("readers" in sentence and "better" not in sentence for sentence in found.sentences[:3])
    assert found.sentences[-1].startswith("Synthetic cohort")
    text = found.to_markdown()
    assert text.index("Dice as usual and fair") < text.index("Methods compared") < text.index("cost")
    assert sum("median reader" in sentence for sentence in found.sentences) == 3

    two = compare_methods(workspace, ["unet", "nnunet"])
    assert two.evaluation.skipped
    table1, pairs, costs = two.tables
    assert set(table1.data.rater) == {*READERS, "nnunet", "unet"}
    assert [row[0] for row in costs.rows] == ["nnU-Net", "U-Net"]
    usual = pairs.data[pairs.data.way == "yardstick"]
    assert set(zip(usual.model, usual.other, strict=True)) == {("nnunet", "unet")}
    # The group repeats levels and is in no family.
    levels = usual[usual.level != "level2+3"]
    assert list(levels.p_holm) == pytest.approx(list(multipletests(levels.p, method="holm")[1]))
    assert usual.p_holm[usual.level == "level2+3"].isna().all()
    assert any(
        sentence.startswith("nnU-Net is better than U-Net: its Dice is clearly higher on Level 1 (by 0.")
        for sentence in two.sentences
    )
    assert not any("third" in sentence for sentence in two.sentences)
    # The file keeps all methods.
    assert (out / "costs.csv").read_text() == written[0]


def test_the_unit_and_margin_of_the_evaluation_are_kept(
    opened: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened
    asked: list[dict[str, Any]] = []

    def evaluate(*_: object, **options: Any) -> None:
        asked.append(options)
        raise InterruptedError

    monkeypatch.setattr("bmseg.scoring.compare.evaluate_workspace", evaluate)
    earlier = {"kind": "evaluation", "inputs_sha256": "", "unit": "knee", "margin": 0.05}
    write_record(workspace.evaluation / "provenance.json", earlier)
    for options in ({}, {"unit": "exam", "margin": 0.1}):
        with pytest.raises(InterruptedError):
            compare_methods(workspace, **options)  # type: ignore[arg-type]
    assert [(each["unit"], each["margin"]) for each in asked] == [("knee", 0.05), ("exam", 0.1)]


@pytest.mark.usefixtures("few_tables")
def test_one_reader_makes_no_fair_way(opened: Workspace) -> None:
    workspace = opened
    for reader in READERS[1:]:
        shutil.rmtree(workspace.raw_dataset / "readersTs" / reader)
    found = compare_methods(workspace, ["unet", "nnunet"])
    table1, pairs, _ = found.tables
    assert table1.title == "Dice against Reader 1, 8 exams"
    assert table1.columns == ["Level", "Reader 1", "nnU-Net", "U-Net"]
    assert "Fair difference" not in pairs.columns
    assert pairs.notes[0].startswith("Against the masks of Reader 1, in which no model has a part.")
    assert found.sentences[0].endswith("(p adjusted over 3 levels, 8 exams).")
    assert not any("median reader" in sentence for sentence in found.sentences)


def test_what_cannot_be_compared_is_told_before_the_work(opened: Workspace) -> None:
    workspace = opened
    with pytest.raises(
        InputError, match=r"method: found vnet without predictions, .*\(nnunet, third, unet\)"
    ):
        compare_methods(workspace, ["nnunet", "vnet"])
    with pytest.raises(
        InputError, match="method: found unet alone, expected two or more of nnunet, third, unet"
    ):
        compare_methods(workspace, ["unet"])
    shutil.rmtree(workspace.predictions("third"))
    shutil.rmtree(workspace.predictions("unet"))
    advice = r"found the predictions of nnunet, .* 'bmseg predict unet -w .* first"
    with pytest.raises(InputError, match=advice):
        compare_methods(workspace)
    workspace.predictions("nnunet").rename(workspace.predictions("unet"))
    with pytest.raises(InputError, match="predictions of unet, .* run 'bmseg train nnunet -w .* and"):
        compare_methods(workspace)
    shutil.rmtree(workspace.predictions_root)
    # Two are needed, and each is trained first.
    steps = [
        f"'bmseg {verb} {method} -w .*" for method in ("nnunet", "unet") for verb in ("train", "predict")
    ]
    advice = f"found the predictions of none, .* run {', '.join(steps[:3])} and {steps[3]} first"
    with pytest.raises(InputError, match=advice):
        compare_methods(workspace)
    assert not workspace.evaluation.exists()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"regions_sha256": "abc"}, "told regions, expected"),
        ({"drawn_sha256": {"slices": "abc"}}, "told where readers drew, expected"),
        ({"cohort_named": True, "drawn_sha256": {}}, "told where readers drew and a cohort file, expected"),
    ],
)
def test_what_an_evaluation_was_told_must_be_named_again(
    opened: Workspace, told: dict[str, object], words: str
) -> None:
    record = opened.evaluation / "provenance.json"
    write_record(record, {"kind": "evaluation", "inputs_sha256": ""} | told)
    before = record.read_bytes()
    with pytest.raises(InputError, match=f"found an evaluation that was {words} the same named again; "):
        compare_methods(opened)
    assert record.read_bytes() == before


def test_what_readers_drew_goes_with_the_comparison(opened: Workspace, tmp_path: Path) -> None:
    reader = next(iter(opened.readers()))
    exam = opened.test_exams()[0]
    mask = read_volume(opened.readers()[reader] / f"{exam}.nii.gz")
    n = mask.stored_as(opened.study.plane).array.shape[2]
    table = tmp_path / "slices.csv"
    table.write_text(f"exam,reader,first,last\n{exam},{reader},1,{n}\n")
    drawn = read_drawn({}, table)
    evaluate_workspace(opened, drawn=drawn)
    with pytest.raises(InputError, match="told where readers drew"):
        compare_methods(opened)
    assert compare_methods(opened, drawn=drawn).evaluation.skipped


def test_a_cohort_file_that_was_named_is_no_reason_to_evaluate_again(
    opened: Workspace, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("exam,age\n" + "".join(f"{exam},12\n" for exam in opened.test_exams()))
    evaluate_workspace(opened, cohort=other)
    (stage,) = (one for one in status_of(opened).stages if one.name == "evaluation")
    assert (stage.state, stage.unseen) == ("there", ("a cohort file",))
    with pytest.raises(InputError, match="told a cohort file, expected"):
        compare_methods(opened)
    # The workspace's own is no other one.
    assert "cohort_named" not in evaluate_workspace(opened, cohort=opened.dataset.cohort_path).record
