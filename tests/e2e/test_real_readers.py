"""Five real people and the walk of docs/tutorials/reader_study.md: what flatters readers, what does not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import SimpleITK as sitk

from bmseg.study import DEFAULT_STUDY
from tests.support.command_line import bmseg
from tests.support.people import people
from tests.support.tables import make_tables

STUDY = DEFAULT_STUDY.parents[1] / "bubil" / "study.toml"
READERS = [f"person{number}" for number in range(1, 5)]


def test_five_people(test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Numbers and sentences are looked at; of real masks test_real_images draws figures.
    monkeypatch.setattr("bmseg.scoring.evaluate.write_figures", lambda *_: None)
    make_tables(monkeypatch, "table1_fair", "interchangeability")
    for image, masks in people(test_data).items():
        for person, mask in masks.items():
            (tmp_path / person).mkdir(exist_ok=True)
            sitk.WriteImage(sitk.GetImageFromArray(mask[None]), str(tmp_path / person / f"{image}.nii.gz"))
    words = [word for reader in READERS for word in ("--reader", f"{reader}={tmp_path / reader}")]
    result = bmseg(
        "evaluate", "--study", STUDY, *words, "--prediction", f"person5={tmp_path / 'person5'}",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr

    usual = pd.read_csv(tmp_path / "out" / "table1.csv").set_index("rater")
    assert usual.n.eq(10).all()
    # As docs/tutorials/reader_study.md prints them.
    assert usual["median"].round(2).to_dict() == {
        "person1": 0.91, "person2": 0.96, "person3": 0.89, "person4": 0.96, "person5": 0.92,
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "out" / "table1_fair.csv").set_index(["way", "rater"])
    bias = table.loc["usual minus fair", "mean"]
    assert bias["person2"] > 0.03
    assert bias["person4"] > 0.03
    assert abs(bias["person5"]) < 0.015
    fair = table.loc["fair", "median"]
    assert usual["median"]["person5"] < min(usual["median"]["person2"], usual["median"]["person4"]) - 0.03
    assert abs(fair["person5"] - fair[["person2", "person4"]].mean()) < 0.02
    beside = pd.read_csv(tmp_path / "out" / "interchangeability.csv")
    ways = beside[beside.left_out == "nobody"].set_index("way")
    assert ways.loc["readers fixed", ["difference", "low", "high"]].round(2).tolist() == [0.02, 0.0, 0.04]
    assert ways.p_holm["readers fixed"] < 0.05 < ways.p_holm["one more reader"]
    said = (tmp_path / "out" / "interchangeability_in_words.md").read_text()
    page = (Path(__file__).parents[2] / "docs" / "tutorials" / "reader_study.md").read_text()
    quoted = " ".join(line.removeprefix("> ") for line in page.splitlines() if line.startswith("> "))
    assert quoted in said
