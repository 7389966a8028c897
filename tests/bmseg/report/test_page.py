"""What a report says first, and its cohort's table."""

from __future__ import annotations

import numpy as np
import pandas as pd

import evaluation as ev
from bmseg.report.page import _cohort_table, _findings
from evaluation.study import tables as t


def test_a_line_a_model_says_where_its_medians_stand_and_copies_have_none() -> None:
    rng = np.random.default_rng(3)
    masks = {rater: [rng.integers(0, 3, 60)[None] for _ in range(3)] for rater in ("anna", "ben", "net")}
    models = {"net": masks.pop("net"), "again": masks["anna"]}
    found = ev.read_study(masks, models, levels={"low": 1, "high": 2}, groups={"both": [1, 2]})
    (said,) = _findings(found)
    assert said.startswith("Median Dice of net by the fair scores: low 0.") and "both" not in said
    fair = found[t.TABLE1_FAIR].query("way == 'fair' and level == 'high'").set_index("rater")["median"]
    low, high = sorted(fair[["anna", "ben"]])
    assert said.endswith(f", high {fair.net:.2f} (readers {low:.2f} to {high:.2f}).")


def test_slices_that_were_read_as_text_are_added() -> None:
    cohort = pd.DataFrame(
        {"split": ["training", "training", "test"], "slices": ["15", "16", "17"], "age": np.nan}
    )
    cohort[["site", "scanner", "group"]] = np.nan
    assert _cohort_table(cohort).rows[1] == ["Slices", "31", "17"]
