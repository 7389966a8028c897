"""Boxes of scores with their exams as points: one artist for many boxes, of many exams the outlying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from evaluation.figures import style
from evaluation.figures.panels import MANY_EXAMS, shortened

# More boxes beside each other leave no room for numbers above them.
_MOST_COUNTED = 40
_BOX = "Box: median and quartiles; whiskers: to the last exam within 1.5 boxes; a point is an exam."
#: Of the boxes of a level together, where levels are 1 apart; of points in a box, to each side.
_WIDTH, _JITTER = 0.75, 0.15
_EDGE = "#444444"


def _are_many(scores: pd.DataFrame) -> bool:
    return scores.exam.nunique() > MANY_EXAMS


def explained(scores: pd.DataFrame) -> str:
    """What boxes and points are."""
    return _BOX.replace("an exam.", "an exam beyond them.") if _are_many(scores) else _BOX


def boxes_and_points(
    axes: Axes,
    scores: pd.DataFrame,
    levels: Sequence[str],
    palette: Mapping[str, Any],
    value: str = "Dice",
    *,
    of_levels: bool = False,
    lying: bool = False,
) -> Axes:
    """A box a level and rater (or of one rater, a level), whiskers of 1.5 quartile distances, every exam.

    `palette` has a colour of each rater in order, or with `of_levels` of each level. Few artists are made of
    many boxes: a Matplotlib artist each would take seconds.
    """
    if scores.dice.isna().all():
        axes.text(0.5, 0.5, f"{value} is undefined in every exam", transform=axes.transAxes, ha="center")
    else:
        side = 1 if of_levels else len(palette)
        width = _WIDTH / side
        by = scores.dropna(subset="dice").groupby(["level"] if of_levels else ["level", "rater"], sort=False)
        found = {key: dice.to_numpy() for key, dice in by.dice}
        boxes: dict[str, list[np.ndarray]] = {name: [] for name in palette}
        lines: list[np.ndarray] = []
        points: list[tuple[np.ndarray, np.ndarray, str]] = []
        # Deterministic jitter: the same table gives the same figure.
        rng = np.random.default_rng(0)
        few = not _are_many(scores)
        for place, level in enumerate(levels):
            for column, name in enumerate([level] if of_levels else palette):
                values = found.get((level,) if of_levels else (level, name))
                if values is None:
                    continue
                middle = place + (column - (side - 1) / 2) * width
                box, of_box = _box(values, middle, width)
                boxes[name].append(box)
                lines += of_box
                across = middle + width * rng.uniform(-_JITTER, _JITTER, len(values))
                # Of many exams those that stand out.
                ends = [end for _, end in of_box[1]] + [end for _, end in of_box[3]]
                shown = slice(None) if few else (values < min(ends)) | (values > max(ends))
                points.append((across[shown], values[shown], name))
        order = slice(None, None, -1) if lying else slice(None)
        for name, own in boxes.items():
            if own:
                corners = np.concatenate(own)[:, order]
                codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(own)
                axes.add_patch(
                    PathPatch(Path(corners, codes), facecolor=palette[name], edgecolor=_EDGE, linewidth=0.8)
                )
        gap = np.full((1, 2), np.nan)
        drawn = np.concatenate([part for line in lines for part in (line, gap)])[:, order]
        axes.plot(*drawn.T, color=_EDGE, linewidth=0.8)
        placed = np.column_stack([np.concatenate(part) for part in list(zip(*points, strict=True))[:2]])
        colors = [palette[name] for _, values, name in points for _ in values]
        along, up = placed[:, order].T
        axes.scatter(along, up, s=2.6**2, c=colors, linewidth=0.4, edgecolor="black", zorder=3)
    if lying:
        axes.set_yticks(range(len(levels)), [_with_count(scores, level, " ") for level in levels])
        axes.set(ylabel="", xlim=(-0.03, 1.03), xlabel="Dice", ylim=(len(levels) - 0.5, -0.5))
        return axes
    counted = {} if of_levels or len(levels) * len(palette) > _MOST_COUNTED else _own_counts(scores, levels)
    for level, defined in counted.items():
        for column, name in enumerate(palette):
            at = levels.index(level) + (column - (len(palette) - 1) / 2) * _WIDTH / len(palette)
            axes.annotate(
                str(defined.get(name, "")), (at, 0), (0, -5), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", va="top", fontsize=style.SMALL, color=style.GREY,
                annotation_clip=False,
            )  # fmt: skip
    labels = [f"{level}\n(n, of {_exams(scores, level)})" if level in counted else _with_count(scores, level)
              for level in levels]  # fmt: skip
    if of_levels:
        # As many letters as a level has room for in a column.
        labels = [_wrapped(label, max(8, 48 // len(levels))) for label in labels]
    axes.set_xticks(range(len(levels)), labels)
    if counted:
        axes.tick_params(axis="x", pad=11)
    axes.set(xlabel="", ylabel=value, xlim=(-0.5, len(levels) - 0.5))
    if value == "Dice":
        axes.set_ylim(-0.03, 1.03)
    return axes


def _box(values: np.ndarray, middle: float, width: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Corners of a box (5, 2), its last point again the first, and its median, whiskers and caps."""
    low, median, high = np.percentile(values, (25, 50, 75))
    reach = 1.5 * (high - low)
    least, most = values[values >= low - reach].min(), values[values <= high + reach].max()
    # A whisker does not go into its box.
    least, most = min(least, low), max(most, high)
    left, right = middle - width / 2, middle + width / 2
    box = np.array([(left, low), (right, low), (right, high), (left, high), (left, low)])
    cap = width / 4
    lines = [[(left, median), (right, median)]]
    for end, start in ((least, low), (most, high)):
        lines += [[(middle, start), (middle, end)], [(middle - cap, end), (middle + cap, end)]]
    return box, [np.array(line) for line in lines]


def _wrapped(label: str, letters: int) -> str:
    return "\n".join(fill(shortened(line), letters) for line in label.split("\n"))


def _own_counts(scores: pd.DataFrame, levels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Of levels on which raters have a value in different numbers of exams: those numbers."""
    counts = scores.groupby(["level", "rater"], sort=False).dice.count()
    each = {level: counts[level].to_dict() for level in levels if level in counts.index.get_level_values(0)}
    return {level: of for level, of in each.items() if len(set(of.values())) > 1}


def _exams(scores: pd.DataFrame, level: str) -> int:
    return int(scores[scores.level == level].groupby("rater", sort=False).size().max())


def _with_count(scores: pd.DataFrame, level: str, between: str = "\n") -> str:
    """The level, and in how many exams it has a value where that is not all."""
    counts = scores[scores.level == level].groupby("rater", sort=False).dice.count()
    exams = _exams(scores, level)
    if (counts == exams).all():
        return level
    fewest, most = int(counts.min()), int(counts.max())
    return f"{level}{between}({fewest if fewest == most else f'{fewest} to {most}'} of {exams})"
