"""What does the fair table give a twin of a reader? ``python -m benchmarks.twin``

A twin reads with the habits of one of the phantom's readers and a hand of its own, and is offered as a model.
Its scores should be that reader's: printed is by how much they are higher, against the consensuses that a
model meets (one without each reader), and against the one without that reader alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.processes import in_processes
from benchmarks.truth import LABELS, LEVELS, SEEDS, with_background
from dataset_conversion.phantom.cohort import plan_cohort, simulate_body
from dataset_conversion.phantom.fields import generator
from dataset_conversion.phantom.readers import READERS, Perturbation, calibrated_readers, look_at
from evaluation.consensus.rules import leave_one_out
from evaluation.consensus.votes import count_votes
from evaluation.scores.fair import over_consensuses, score_fair

_TWIN = "twin of "


def cohort(seed: int) -> pd.DataFrame:
    """Dice of readers and twins in a cohort's test exams: way, exam, rater and level a row."""
    parameters = calibrated_readers()
    tables = []
    for planned in plan_cohort(training=1, seed=seed)[1:]:
        body, exam = simulate_body(planned, seed=seed), planned.identifier
        region = body.anatomy.region
        seen = look_at(
            body.grid, region, body.marrow, readers=READERS, scale=parameters.scale, seed=seed, exam=exam
        )
        masks = {reader: seen.read(reader, parameters) for reader in READERS}
        for reader in READERS:
            stream = generator(seed, exam, f"{_TWIN}{reader}")
            own = {reader: Perturbation.draw(body.grid, region, parameters.scale, stream)}
            masks[f"{_TWIN}{reader}"] = replace(seen, own=own).read(reader, parameters)
        votes = with_background(count_votes(masks, LABELS), int(np.count_nonzero(~region)))
        without = leave_one_out(votes.select(READERS), rule="map", ordered=True)
        fair = score_fair(votes, without, LEVELS).assign(exam=exam)
        tables.append(over_consensuses(fair).assign(way="all consensuses"))
        own_only = fair[fair.rater.str.removeprefix(_TWIN) == fair.left_out]
        tables.append(own_only.assign(way="without that reader"))
    return pd.concat(tables, ignore_index=True)[["way", "exam", "rater", "level", "dice"]].assign(seed=seed)


def gains(scores: pd.DataFrame) -> pd.DataFrame:
    """By how much a twin's median Dice over exams is higher than its reader's, mean over cohorts."""
    medians = scores.groupby(["way", "seed", "level", "rater"]).dice.median().unstack("rater")
    apart = pd.DataFrame({reader: medians[f"{_TWIN}{reader}"] - medians[reader] for reader in READERS})
    return apart.groupby(["way", "level"]).mean()


def main(seeds: Sequence[int] = SEEDS) -> None:
    """Print the table."""
    print(gains(pd.concat(in_processes(cohort, seeds), ignore_index=True)).round(3).to_string())


if __name__ == "__main__":
    main()
