"""How often is one more reader called better or worse than the readers? ``python -m benchmarks.exchangeable``

Five draws of one reader's way of reading are the readers, a sixth is offered as a model, in ten exams:
nothing is to be found. Counted are studies in which interchangeability is clear on some level, and in which
the fair verdict beside the median reader says better or worse; and by how much the one more stands above the
first reader, its twin, in the fair table. The same is asked of every measure, which have no verdict: how
often is a difference to the median reader, and interchangeability, clear on some level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from benchmarks.processes import in_processes
from evaluation.comparison.interchangeability import standings
from evaluation.comparison.readers import MEDIAN_READER
from evaluation.comparison.verdicts import reader_verdicts
from evaluation.measures.kinds import DEFAULT
from evaluation.measures.named import measures
from evaluation.study import measure_tables as m
from evaluation.study import tables as t
from evaluation.study.from_masks import read_study

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
STUDIES, EXAMS, READERS = 200, 10, 5
_CUTS = np.array([1.0, 1.6, 2.2])
_SHAPE = (36, 36, 4)
_ALPHA = 0.05
#: Beside Dice.
MEASURES = [measure.name for measure in measures(DEFAULT[True])][1:]


def study(seed: int) -> tuple[float, ...]:
    """Whether interchangeability, and the fair verdict, find a difference where there is none (0 or 1).

    And the twin's median Dice of the fair table minus that of the first reader, a level each; then for each
    of `MEASURES` whether it differs clearly from the median reader, and from the readers without a consensus.
    """
    rng = np.random.default_rng([seed, STUDIES])
    masks: dict[str, dict[str, np.ndarray]] = {}
    for number in range(EXAMS):
        signal = _field(rng)
        for rater in [*(f"reader{n}" for n in range(1, READERS + 1)), "one_more"]:
            # A mood of the day and a hand that wanders, the same for all.
            cuts = _CUTS + rng.normal(0, 0.12, 3)
            seen = signal + 0.35 * _field(rng, 1.5)
            drawn = np.zeros(_SHAPE, np.uint8)
            for level, cut in enumerate(cuts, start=1):
                drawn[seen > cut] = level
            masks.setdefault(rater, {})[f"e{number}"] = drawn
    model = masks.pop("one_more")
    found = read_study(masks, {"one_more": model}, levels=LEVELS, rule="map", measures=MEASURES)
    agreement = standings(found[t.INTERCHANGEABILITY])
    apart = any(agreement.values())
    (verdict,) = reader_verdicts(
        found[t.COMPARISONS], found[t.OTHER_WAYS], levels=list(LEVELS), agreement=agreement
    )
    fair = found[t.TABLE1_FAIR].query("way == 'fair'").set_index(["level", "rater"])["median"]
    above = [fair[level, "one_more"] - fair[level, "reader1"] for level in LEVELS]
    beside = found[m.MEASURES_COMPARISONS]
    beside = beside[beside.other == MEDIAN_READER]
    without = found[m.MEASURES_INTERCHANGEABILITY]
    clear = [
        _any_clear(table[table.measure == measure].p_holm)
        for measure in MEASURES
        for table in (beside, without)
    ]
    return apart, verdict.call in ("better", "worse", "split"), *above, *clear


def _any_clear(p: pd.Series) -> float:
    """NaN for a measure that is not asked in this way."""
    return float((p <= _ALPHA).any()) if len(p) else float("nan")


def _field(rng: np.random.Generator, scale: float = 3.0) -> np.ndarray:
    field = gaussian_filter(rng.normal(size=_SHAPE), (scale, scale, scale / 3))
    return field / field.std()


def run(seeds: Sequence[int] = range(STUDIES)) -> np.ndarray:
    """What `study` says of each, shape (studies, 2 + levels + 2 measures)."""
    return np.array(in_processes(study, seeds))


def report(found: np.ndarray) -> str:
    """The table of a run."""
    means = found.mean(axis=0)
    apart, verdict, *above = means[: 2 + len(LEVELS)]
    gains = ", ".join(f"{gain:+.3f}" for gain in above)
    of_measures = means[2 + len(LEVELS) :].reshape(-1, 2)
    rows = "".join(
        f"| {measure} | {beside:.1%} | {'–' if np.isnan(without) else f'{without:.1%}'} |\n"
        for measure, (beside, without) in zip(MEASURES, of_measures, strict=True)
    )
    return (
        "| studies | interchangeability clear | a fair verdict | the one more above reader1, a level |\n"
        f"| ---: | ---: | ---: | --- |\n| {len(found)} | {apart:.1%} | {verdict:.1%} | {gains} |\n\n"
        f"| measure | beside the median reader | without a consensus |\n| --- | ---: | ---: |\n{rows}"
    )


def main() -> None:
    """Print the table."""
    print(report(run()))


if __name__ == "__main__":
    main()
