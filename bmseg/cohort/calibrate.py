"""Tune the synthetic readers to the published Table 1, and show how near they come: ``make calibrate``.

A developer's tool: it rewrites the readers that the package ships. Readers are scored as `bmseg evaluate`
scores them, by the study's consensus and Dice.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd
from tqdm import tqdm

from bmseg.study import DEFAULT_STUDY, Study, load_study
from dataset_conversion.images import ConversionError, read_own
from dataset_conversion.phantom import calibration
from dataset_conversion.phantom.calibration import Scorer, Search, SeenCohort, Targets, see_test_exams
from dataset_conversion.phantom.cohort import DEFAULT_SEED
from dataset_conversion.phantom.readers import READERS, ReaderParameters, calibrated_readers
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import Votes
from evaluation.measures.dice import EmptyMask, score

#: Beside the shipped seed: cohorts that the readers are tuned on, and cohorts kept to check them.
TUNED_SEEDS, CHECKED_SEEDS = (1, 2, 3), (7, 1234, 31337)


def study_scorer(study: Study, *, restarts: int = 12) -> Scorer:
    """Score vote patterns by a study's consensus and levels, as `bmseg.scoring.evaluate` does."""
    levels, empty_mask = study.levels_by_name, EmptyMask(study.scores.empty_mask)

    def scorer(counts: np.ndarray) -> np.ndarray:
        # Transposed, the first reader's level runs fastest, as in a histogram that was counted.
        patterns = np.argwhere(counts.T)[:, ::-1].astype(np.uint8)
        votes = Votes(READERS, study.label_values, patterns, counts[tuple(patterns.T)])
        consensus = staple(votes, rule=study.consensus.rule, restarts=restarts)
        scores = score(votes, consensus.label, levels, empty_mask)
        return scores.dice.to_numpy().reshape(len(levels), len(READERS))

    return scorer


def published_targets(study: Study, folder: Path = DEFAULT_STUDY.parent) -> Targets:
    """The published Table 1 of a study whose file lies in `folder`."""
    table = read_own(folder / str(study.published.table1), ["rater", "level"]).set_index(["level", "rater"])
    cells = pd.MultiIndex.from_product([list(study.levels_by_name), READERS])
    shape = (len(study.levels_by_name), len(READERS))
    return Targets(*(table.loc[cells, name].to_numpy().reshape(shape) for name in ("median", "mean")))


def compare(cohort: SeenCohort, parameters: ReaderParameters, study: Study, targets: Targets) -> pd.DataFrame:
    """Scores of simulated readers beside those published.

    A row a level and reader: ``level, reader, median, published_median, median_difference, mean,
    published_mean, mean_difference``.
    """
    found = calibration.score_cohort(cohort, parameters, study_scorer(study))
    cells = [(level, reader) for level in study.levels_by_name for reader in READERS]
    table = pd.DataFrame(cells, columns=["level", "reader"])
    for name, scores, published in zip(
        ("median", "mean"), found, (targets.medians, targets.means), strict=True
    ):
        table[name] = scores.ravel()
        table[f"published_{name}"] = published.ravel()
        table[f"{name}_difference"] = (scores - published).ravel()
    return table


@click.command()
@click.option("--generations", default=Search.generations, show_default=True, help="0: only show the table.")
@click.option("--seed", default=Search.seed, show_default=True, help="Of the search.")
def main(generations: int, seed: int) -> None:
    """Tune the synthetic readers to the published Table 1, store them, and print both tables."""
    study = load_study(DEFAULT_STUDY)
    targets = published_targets(study)
    start = calibration.starting_readers()
    shipped = see_test_exams(DEFAULT_SEED, start.scale)
    if generations:
        others = [see_test_exams(other, start.scale) for other in TUNED_SEEDS]
        # Twelve more starts of the consensus changed no label on these cohorts.
        objective = calibration.Objective(shipped, others, targets, study_scorer(study, restarts=0), start)
        try:
            with tqdm(total=generations, desc="generations") as bar:
                readers, record = calibration.calibrate(
                    objective, Search(generations, seed), report=bar.update
                )
        except ConversionError as error:
            raise click.ClickException(str(error)) from None
        calibration.write_readers(readers, record)
        calibrated_readers.cache_clear()
    readers = calibrated_readers()
    click.echo(f"Synthetic cohort, seed {DEFAULT_SEED}:")
    click.echo(compare(shipped, readers, study, targets).to_string(index=False, float_format="%.3f"))
    for other in CHECKED_SEEDS:
        table = compare(see_test_exams(other, readers.scale), readers, study, targets)
        apart = table.median_difference.abs()
        click.echo(
            f"seed {other}: medians differ by {apart.mean():.3f} on average, {apart.max():.3f} at most"
        )


if __name__ == "__main__":
    main()
