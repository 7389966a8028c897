"""What the figure of a plan holds; how it looks is judged by eye."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from evaluation.figures.planning import exams_needed
from evaluation.planning.exams import Goal, Wanted, curves, plan_exams
from evaluation.planning.spread import Spread

WANTED = [Wanted(Goal.HALF_WIDTH, 0.08), Wanted(Goal.NOT_WORSE, 0.08), Wanted(Goal.BETTER)]


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    spread = Spread.normal(-0.01, 0.1, 10)
    drawn = [curves(spread, each, 60, studies=100) for each in WANTED]
    return pd.concat(drawn), plan_exams(spread, WANTED, studies=100)


def test_a_panel_a_goal_with_its_number_and_band(made: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    figure = exams_needed(*made, note="Synthetic cohort")
    assert figure.get_supxlabel() == "Synthetic cohort\nHalf width: that which 80 % of studies keep to"
    under = "\nif truly \N{MINUS SIGN}0.01"
    titles = ["half width 0.08", f"not worse 0.08{under}", f"better 0{under}"]
    assert [panel.get_title() for panel in figure.axes] == titles
    plan = made[1].drop_duplicates("goal")
    said = [panel.texts[0].get_text() for panel in figure.axes]
    assert said == [*(f"{n} exams" for n in plan.n[:2]), "no number of exams is enough"]
    for panel, own, wanted in zip(figure.axes[:2], WANTED, (0.08, 0.8), strict=False):
        curve = made[0][(made[0].goal == own.goal) & (made[0].assumed == "middle")]
        np.testing.assert_allclose(np.asarray(panel.lines[0].get_xydata()), curve[["n", "value"]])
        assert np.asarray(panel.lines[1].get_ydata())[0] == wanted
        assert len(panel.collections) == 1
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["SD as assumed", "SD at its limits", "wanted"]


def test_a_known_spread_has_no_band_and_a_figure_joins_the_axes_given() -> None:
    spread, own = Spread.normal(0.001, 0.1), Figure()
    drawn = curves(spread, WANTED[2], 30, studies=100)
    plan = plan_exams(spread, WANTED[2:], studies=100)
    figure = exams_needed(drawn, plan, titles=lambda *_: "Better", axes=own.subplots())
    assert figure is own
    assert own.axes[0].get_title() == "Better\nif truly 0.00"
    assert own.axes[0].texts[0].get_text() == "more than 1000 exams"
    assert len(own.axes[0].collections) == 0
