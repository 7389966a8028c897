"""How often is a model that is one more reader called different from the readers? By simulation.

Readers and model are draws of one way of reading: a latent signal is cut at three thresholds, with a mood an
exam and noise a voxel. *Failures*: each leaves one exam in ten empty. *Habits*: each has thresholds of its
own, so that the model truly differs from these readers, as one more reader would. Run with
``python -m benchmarks.interchangeability``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from evaluation.scores.interchangeability import FIXED, interchangeability

CUTS = np.array([0.8, 1.5, 2.3])
VOXELS = 400
REPEATS = 400
MODEL = "model"


class World(NamedTuple):
    """How raters differ."""

    name: str
    failures: float = 0.0
    habits: float = 0.0


WORLDS = (World("draws of one reader"), World("failures", failures=0.1), World("habits", habits=0.3))


def studies(
    world: World, n_readers: int, n_exams: int, repeats: int, seed: int = 2022
) -> Iterator[pd.DataFrame]:
    """Pairs of simulated studies, as of `evaluation.scores.agreement.pairwise_dice`; the model is last."""
    random = np.random.default_rng(seed)
    raters = [*(f"reader{n + 1}" for n in range(n_readers)), MODEL]
    first, second = (np.array(side) for side in zip(*combinations(range(len(raters)), 2), strict=True))
    names = np.array(raters)
    shape = (n_exams, len(raters))
    for _ in range(repeats):
        signal = random.normal(size=(n_exams, 1, VOXELS)) + random.normal(0, 0.4, (n_exams, 1, 1))
        habits = world.habits * random.normal(size=(1, len(raters), 1, 3))
        cuts = CUTS + habits + 0.2 * random.normal(size=(*shape, 1, 3))
        label = ((signal + 0.3 * random.normal(size=(*shape, VOXELS)))[..., None] > cuts).sum(axis=-1)
        label[random.random(shape) < world.failures] = 0
        rows = []
        for level in (1, 2, 3):
            marked = (label == level).astype(np.int32)
            both = marked @ marked.transpose(0, 2, 1)
            own = both.diagonal(axis1=1, axis2=2)
            total = own[:, first] + own[:, second]
            dice = np.where(total > 0, 2 * both[:, first, second] / np.maximum(total, 1), np.nan)
            for exam in range(n_exams):
                rows.append(pd.DataFrame({
                    "exam": f"exam{exam:02}", "level": f"level{level}", "rater": names[first],
                    "other": names[second], "dice": dice[exam],
                }))  # fmt: skip
        yield pd.concat(rows, ignore_index=True)


def claims(pairs: pd.DataFrame, seed: int = 0) -> dict[str, bool]:
    """Whether the model is called different on some level, by way and kind of interval."""
    readers = sorted({*pairs.rater} - {MODEL})
    found = interchangeability(pairs, models=[MODEL], readers=readers, leave_out=False, seed=seed)
    claimed = {way: bool((rows.p_holm <= 0.05).any()) for way, rows in found.groupby("way", sort=False)}
    fixed = found[found.way == FIXED]
    for kind in ("jackknife", "relabelled", "bootstrap"):
        outside = (fixed[f"{kind}_low"] > 0) | (fixed[f"{kind}_high"] < 0)
        claimed[f"{FIXED}, {kind}, levels not adjusted"] = bool(outside.any())
    return claimed


def rates(world: World, n_readers: int, n_exams: int = 10, repeats: int = REPEATS) -> pd.Series:
    """The share of studies with a claim, by way; 0.05 is promised of those by way."""
    made = [claims(pairs, seed) for seed, pairs in enumerate(studies(world, n_readers, n_exams, repeats))]
    return pd.DataFrame(made).astype(float).mean()


def main() -> None:
    """Print every case."""
    for world in WORLDS:
        for n_readers in (3, 4, 5):
            print(f"\n{world.name}, {n_readers} readers, 10 exams, {REPEATS} repetitions")
            print(rates(world, n_readers).to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
