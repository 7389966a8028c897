"""The figures of the board's page: what each is called, how it is read, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from bmseg.leaderboard.gathering import AVERAGE_READER, COPY
from bmseg.leaderboard.means import WORST
from bmseg.leaderboard.site.history import draw_history
from bmseg.leaderboard.site.tables import SCHEME_NAMES
from bmseg.leaderboard.site.tasks import axis_labels, of_figure
from bmseg.leaderboard.standings import Standings
from bmseg.leaderboard.texts import figure_labels
from bmseg.wording import synthetic_mark
from evaluation.figures.files import save_figure
from evaluation.figures.ranking import blob_plot, scheme_comparison, significance_map
from evaluation.figures.ranking_scores import exam_heatmap, score_boxplots
from evaluation.ranking import OVERALL
from evaluation.ranking.intervals import clear_pairs

# Size on a screen against size in print.
_SCREEN = 1.3
#: Submissions that are drawn: more cannot be read in one figure.
MOST_DRAWN = 60


@dataclass(frozen=True)
class Plate:
    """A figure on the page."""

    name: str  # of its file
    part: str  # section of the page
    title: str
    caption: str
    alt: str
    numbers: str  # the file with its numbers
    least: int  # submissions that it takes


FIGURES = [
    Plate(
        "history", "history", "Best score as submissions were added",
        "A point is a submission, at the time at which it was added; the line is the best score of those "
        "that stood. Grey: no longer ranked; open: simulated, which the line leaves out where there are "
        "others. Dashed: the average reader. Withdrawn submissions and copies are left out, and all is by "
        "the rules and readers of this page. The best of many is so by chance as well: only the ranking says "
        "which differences are clear.",
        "Line chart: the best score on the board over time, and every submission's score.",
        "history.csv", 2,
    ),
    Plate(
        "rank_probabilities", "sure", "Bootstrap spread of the ranks",
        "The area of a disc is the share of bootstrap samples in which the submission has that overall "
        "rank. This is how much ranks move from sample to sample of these exams, and no interval: with few "
        "exams it promises too much. The ring is the rank on the board, the line its interval, by the tests.",
        "Blob plot: for every submission the share of bootstrap samples with each overall rank, and its rank "
        "interval.",
        "probabilities.csv", 2,
    ),
    Plate(
        "significance", "sure", "Which submission is clearly better than which",
        "A filled cell: over the exams' mean Dice of the ranked levels, the submission of the row is "
        "clearly better than that of the column, by the Holm-adjusted tests and the ranks, as for intervals. "
        "In an empty cell no difference is clear, which is no proof that the two are equal.",
        "Significance map: for every pair of submissions whether the first is clearly better.",
        "pairwise.csv", 2,
    ),
    Plate(
        "schemes", "schemes", "Ranks by scheme",
        "A line is a submission, the number in a disc its overall rank. Lines that cross change places "
        "when the scheme changes; discs on a grey bar share a rank.",
        "Line chart: the overall rank of every submission under each ranking scheme.",
        "ranks.csv", 2,
    ),
    Plate(
        "dice", "levels", "Dice of every exam, level by level",
        "A point is an exam. A box runs from the first to the third quartile, its thick line is the "
        "median, and whiskers reach to the last point within 1.5 boxes. Readers are grey. Beside a box: "
        "how many exams are undefined, and how many are missing; these stand at 0.",
        "Boxplots: Dice of every submission and reader on each level, every exam as a point.",
        "scores.csv", 0,
    ),
    Plate(
        "exams", "levels", "Dice exam by exam",
        "A row is a submission or a reader, a column an exam: one that is dark all the way down is hard "
        "for all.",
        "Heat map: Dice of every submission and reader in each exam, a panel a level.",
        "scores.csv", 0,
    ),
]  # fmt: skip


_TASKS = Plate(
    "tasks", "levels", "Scores of every exam by the other measures",
    "A point is an exam; each panel has an axis of its own, and below it stands which way is better. Boxes "
    "as above. A missing exam stands at its worst score. Readers are grey.",
    "Boxplots: scores of every submission and reader by the measures other than Dice, every exam as a point.",
    "task_scores.csv", 0,
)  # fmt: skip
_BY_RANKS = (
    "over the exams, by the mean of the submission's ranks within the exam over the tasks, the submission of "
    "the row is"
)


def figures_of(standings: Standings) -> list[Plate]:
    """The figures that a board has enough submissions for."""
    if standings.scores.empty:
        return []
    return [_of_first(_of_tasks(plate, standings), standings) for plate in _figures_of(standings)]


def _of_first(plate: Plate, standings: Standings) -> Plate:
    """What a figure says where it does not show everybody."""
    n, copies = len(standings.entries), len(standings.copies)
    if plate.part == "levels":
        n += copies
    if n <= MOST_DRAWN or plate.name == "history":
        return plate
    of_all = f"{n} submissions{' and copies' * (plate.part == 'levels' and copies > 0)}"
    said = f"Drawn are the first {MOST_DRAWN} of {of_all}"
    said += ", as they stand on the board, and every reader." if plate.part == "levels" else " by rank."
    return replace(plate, caption=f"{plate.caption} {said}", alt=f"{plate.alt} {said}")


def first_drawn(standings: Standings) -> Standings:
    """A board with the submissions that are drawn alone."""
    others = ~standings.rows.kind.isin(["submission", COPY])
    rows = standings.rows[others | ((~others).cumsum() <= MOST_DRAWN)]
    return replace(standings, entries=standings.entries[:MOST_DRAWN], rows=rows)


def _of_tasks(plate: Plate, standings: Standings) -> Plate:
    """What a figure says where tasks are not Dice."""
    rule = standings.challenge.ranking
    if plate.name != "significance" or rule.is_of_dice:
        return plate
    by_dice = "over the exams' mean Dice of the ranked levels, the submission of the row is"
    instead = _BY_RANKS if rule.is_unlike else by_dice.replace("mean Dice of the ranked levels", "mean score")
    return replace(plate, caption=plate.caption.replace(by_dice, instead))


def _figures_of(standings: Standings) -> list[Plate]:
    every = FIGURES if standings.challenge.ranking.is_of_dice else [*FIGURES, _TASKS]
    plates = [plate for plate in every if len(standings.entries) >= plate.least]
    if standings.over_time.date.nunique() < 2:
        plates = [plate for plate in plates if plate.name != "history"]
    # One exam has no other samples than itself.
    sampled = standings.rankings is not None and len(standings.rankings.probabilities) > 0
    return [plate for plate in plates if sampled or plate.name != "rank_probabilities"]


def draw_figures(standings: Standings, folder: Path) -> None:
    """Draw every figure of a board as SVG, the same bytes for the same standings."""
    rows = standings.rows
    identifiers = dict.fromkeys(rows.key, "") | {entry.key: entry.submission for entry in standings.entries}
    # A label of every line of the board, each another.
    names = figure_labels(called_in_rows(standings), identifiers)
    drawn = first_drawn(standings)
    for plate in tqdm(figures_of(standings), desc="figures", disable=None, leave=False):
        figure = _drawn(plate.name, drawn, names)
        save_figure(figure, folder, plate.name, endings=["svg"], screen=_SCREEN)


def called_in_rows(standings: Standings) -> dict[str, str]:
    """Key to what each line of the board is called."""
    known = {entry.key: standings.called(entry) for entry in [*standings.entries, *standings.copies]}
    rows = standings.rows
    return {
        key: known.get(key) or standings.shown(name) for key, name in zip(rows.key, rows.name, strict=True)
    }


def _drawn(plate: str, standings: Standings, names: Mapping[str, str]) -> Figure:
    note = synthetic_mark(standings.challenge.synthetic)
    if plate == "tasks":
        _, order = scores_drawn(standings, names)
        readers = [names[key] for key in standings.rows.key[standings.rows.kind == "reader"]]
        scores, labels = of_figure(standings, names), axis_labels(standings)
        return score_boxplots(scores, order, muted=readers, label=labels, apart=True, note=note)
    if plate == "history":
        return draw_history(standings, note)
    if plate in ("dice", "exams"):
        scores, order = scores_drawn(standings, names)
        if plate == "exams":
            return exam_heatmap(scores, order, note=note)
        readers = [names[key] for key in standings.rows.key[standings.rows.kind == "reader"]]
        return score_boxplots(scores, order, muted=readers, worst=WORST, note=note)
    rule, rankings = standings.challenge.ranking, standings.rankings
    assert rankings is not None  # figures_of asks for two submissions
    shown = [names[entry.key] for entry in standings.entries]
    ranks = _overall(rankings.ranks, names)
    ranks = ranks[ranks.algorithm.isin(shown)]
    if plate == "schemes":
        # In two lines: five of them stand beside each other.
        short = {scheme: name.replace(", ", ",\n") for scheme, name in SCHEME_NAMES.items()}
        return scheme_comparison(ranks.assign(scheme=ranks.scheme.map(short)), note=note)
    if plate == "significance":
        pairs = _overall(clear_pairs(rankings, OVERALL, rule.scheme), names)
        return significance_map(pairs, shown, rule.alpha, note=note)
    chances = _overall(rankings.probabilities, names)
    chosen = ranks[ranks.scheme == rule.scheme].sort_values("rank", kind="stable")
    return blob_plot(chances[chances.scheme == rule.scheme], chosen, note=note)


def _overall(table: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The overall lines of a table of the rankings, under their labels."""
    chosen = table[table.task == OVERALL]
    return chosen.assign(
        **{column: chosen[column].map(names) for column in ("algorithm", "other") if column in chosen}
    )


def scores_drawn(standings: Standings, names: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Scores as the figures take them, and who is drawn: all but the average reader, made of the readers."""
    rows = standings.rows[standings.rows.kind != AVERAGE_READER]
    scores = standings.scores[standings.scores.key.isin(rows.key)]
    columns = {"level": "task", "exam": "case", "dice": "value"}
    table = scores.assign(algorithm=scores.key.map(names), level=scores.level.map(standings.shown))
    table = table.rename(columns=columns)
    return table[["task", "algorithm", "case", "value", "status"]], [names[key] for key in rows.key]
