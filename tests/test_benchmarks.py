"""What `make bench` writes, and what is made of trials on level 3."""

import pandas as pd
import pytest

from benchmarks.__main__ import RESULTS, SECTIONS, SPEED, VERDICTS, with_sections
from benchmarks.level3 import differences, render, summary
from benchmarks.level3_variants import Run


def test_a_part_measured_again_takes_its_place_and_leaves_the_others() -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert with_sections(text, {}) == text
    again = with_sections(text, {VERDICTS: "| as | good |\n\n### Beside\n\n| as | before |\n"})
    before, _, after = again.partition(f"## {VERDICTS}\n\n| as | good |\n\n### Beside\n\n| as | before |\n")
    assert text.startswith(before)
    assert after
    assert text.endswith(after)


def test_sections_stand_in_order() -> None:
    made = with_sections("", {title: f"Of {title}.\n" for title in reversed(SECTIONS)})
    titles = [line.lstrip("# ") for line in made.splitlines() if line.startswith("#")]
    assert titles == list(SECTIONS)
    assert made.startswith(f"# {SPEED}\n\nOf")
    assert with_sections(made, {}) == made


def trials() -> pd.DataFrame:
    """Eight exams, two variants of two seeds; the last exam holds no level 3, and two foci are invented."""
    rows = []
    for variant, seed, gain in (
        ("nnunet", 1, 0.0),
        ("nnunet", 2, 0.02),
        ("nnunet_topk", 1, 0.05),
        ("nnunet_topk", 2, 0.11),
    ):
        for exam in range(8):
            there = exam < 7
            dice = 0.3 + 0.05 * exam + gain * (1 + exam / 100) if there else float("nan")
            found = 1.0 + (variant == "nnunet_topk") if there else 0.0
            rows.append(
                (
                    f"knee_{exam}",
                    3.0 * there,
                    found,
                    0.0 if there else 2.0,
                    dice,
                    dice / 2,
                    variant,
                    str(seed),
                )
            )
    columns = ["exam", "n_foci", "found", "false", "focus_dice", "dice", "variant", "seed"]
    table = pd.DataFrame(rows, columns=columns)
    return pd.concat([table.assign(against=against) for against in ("readers", "truth")], ignore_index=True)


def test_trials_summed_by_hand() -> None:
    found = summary(trials()).loc["readers"]
    assert found.networks.tolist() == [2, 2]
    assert found.found.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert found.false.tolist() == [0.25, 0.25]
    # Over seven exams; the seeds' gains are apart by 0.02 and by 0.06, each a little more from exam to exam.
    assert found.focus_dice.tolist() == pytest.approx([0.45 + 0.01 * 1.03, 0.45 + 0.08 * 1.03])
    assert found.dice_spread.tolist() == pytest.approx([0.01 * 1.03 / 2**0.5, 0.03 * 1.03 / 2**0.5])


def test_trials_compared_over_exams_and_seeds() -> None:
    found = differences(trials())["readers", "nnunet_topk", "focus_dice"]
    assert found.n_exams == 7
    assert found.difference == pytest.approx(0.07 * 1.03)
    # Networks are 0.02 and 0.06 apart, which leaves much open with two of each.
    assert found.sd_seeds_other == pytest.approx(0.02 * 1.03 / 2**0.5)
    assert found.low < 0 < found.exams_low
    alone = trials()[lambda table: table.seed == "1"]
    found = differences(alone)["truth", "nnunet_topk", "dice"]
    assert found.difference == pytest.approx(0.05 * 1.03 / 2)
    assert pd.isna(found.low)


def test_trials_as_printed() -> None:
    run = Run(variants=("nnunet", "nnunet_topk"), seeds=(1, 2))
    text = render(run, trials(), {"nnunet": 200.4, "nnunet_topk": 210.0})
    assert "36 training exams (fold 0), 8 test exams, profile quick, 40 epochs, seeds 1, 2." in text
    assert text.count("| nnunet_topk | 2 | 0.67 | 0.25 | 0.53 (SD 0.04) | +0.07 (") == 2
    assert "| nnunet | 2 | 0.33 | 0.25 | 0.46 (SD 0.01) | – |" in text
    # However clear, two seeds are too few.
    assert "**" not in text
