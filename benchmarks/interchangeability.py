"""How often is a model that is one more reader called different, and what do the intervals cover? Simulated.

Raters read a latent signal, cut at three thresholds, with a mood an exam and noise a voxel. *Failures*: each
leaves one exam in ten empty. *Habits*: each has thresholds of its own, so that the model truly differs from
these readers, as one more reader would. For coverage the model is another one than the readers: noisier,
steadier, biased, or failing where they do not. Run with ``python -m benchmarks.interchangeability``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from evaluation.scores.interchangeability import FIXED, interchangeability
from evaluation.scores.side_by_side import side_by_side

CUTS = np.array([0.8, 1.5, 2.3])
VOXELS = 400
REPEATS = 200
MODEL = "model"
#: Exams whose mean is taken for the truth.
MANY = 5000


class World(NamedTuple):
    """How raters err; the model's own, where it is another."""

    name: str
    failures: float = 0.0
    habits: float = 0.0
    noise: float = 0.3
    bias: float = 0.0
    fails: float | None = None


EXCHANGEABLE = (World("draws of one reader"), World("failures", failures=0.1), World("habits", habits=0.3))
OTHER = (
    World("as the readers"),
    World("noisier", noise=0.6),
    World("steadier", noise=0.1),
    World("biased", bias=0.5),
    World("biased, all fail in one of ten", failures=0.1, bias=0.5),
    World("fails in one of ten", fails=0.1),
)
KINDS = {
    "": "wider",
    "jackknife_": "jackknife (t)",
    "relabelled_": "relabelling",
    "bootstrap_": "bootstrap-t",
}


def studies(
    world: World, n_readers: int, n_exams: int, repeats: int, seed: int = 2022
) -> Iterator[pd.DataFrame]:
    """Pairs of simulated studies, as of `evaluation.scores.agreement.pairwise_dice`; the model is last."""
    random = np.random.default_rng(seed)
    raters = [*(f"reader{n + 1}" for n in range(n_readers)), MODEL]
    first, second = (np.array(side) for side in zip(*combinations(range(len(raters)), 2), strict=True))
    shape = (n_exams, len(raters))
    noise, bias, failures = (
        np.full((len(raters), 1), 0.3),
        np.zeros((len(raters), 1, 1)),
        np.full(shape[1], world.failures),
    )
    noise[-1], bias[-1] = world.noise, world.bias
    failures[-1] = world.failures if world.fails is None else world.fails
    exams = np.repeat([f"exam{n:04}" for n in range(n_exams)], len(first))
    named = {
        "rater": np.tile(np.array(raters)[first], n_exams),
        "other": np.tile(np.array(raters)[second], n_exams),
    }
    for _ in range(repeats):
        signal = random.normal(size=(n_exams, 1, VOXELS)) + random.normal(0, 0.4, (n_exams, 1, 1))
        habits = bias + world.habits * random.normal(size=(len(raters), 1, 3))
        cuts = CUTS + habits + 0.2 * random.normal(size=(*shape, 1, 3))
        seen = signal + noise * random.normal(size=(*shape, VOXELS))
        label = sum((seen > cuts[..., level]).astype(np.uint8) for level in range(3))
        label = np.where(random.random(shape)[..., None] < failures[:, None], 0, label)
        tables = []
        for level in (1, 2, 3):
            marked = (label == level).astype(np.float32)
            both = marked @ marked.transpose(0, 2, 1)
            own = both.diagonal(axis1=1, axis2=2)
            total = own[:, first] + own[:, second]
            dice = np.where(total > 0, 2 * both[:, first, second] / np.maximum(total, 1), np.nan)
            tables.append(
                pd.DataFrame({"exam": exams, "level": f"level{level}", **named, "dice": dice.ravel()})
            )
        yield pd.concat(tables, ignore_index=True)


def claims(pairs: pd.DataFrame, seed: int = 0) -> dict[str, bool]:
    """Whether the model is called different on some level, by way and kind of interval."""
    found = _numbers(pairs, seed)
    claimed = {way: bool((rows.p_holm <= 0.05).any()) for way, rows in found.groupby("way", sort=False)}
    fixed = found[found.way == FIXED]
    for kind, name in KINDS.items():
        outside = (fixed[f"{kind}low"] > 0) | (fixed[f"{kind}high"] < 0)
        claimed[f"{FIXED}, {name}, levels not adjusted"] = bool(outside.any())
    return claimed


def rates(world: World, n_readers: int, n_exams: int = 10, repeats: int = REPEATS) -> pd.Series:
    """The share of studies with a claim, by way; 0.05 is promised of those by way."""
    made = [claims(pairs, seed) for seed, pairs in enumerate(studies(world, n_readers, n_exams, repeats))]
    return pd.DataFrame(made).astype(float).mean()


def misses(world: World, n_readers: int = 4, n_exams: int = 10, repeats: int = REPEATS) -> pd.DataFrame:
    """How often the truth lies below and above each kind of interval, and its width; levels 1 and 2 together.

    Below: as often a model is called not worse by a margin that is just its loss.
    """
    (many,) = studies(world, n_readers, MANY, 1, seed=1)
    raters = [*sorted({*many.rater} - {MODEL}), MODEL]
    truth = {
        level: side_by_side(many, level, raters).each_as_model()[:, -1].mean()
        for level in ("level1", "level2")
    }
    made = []
    for seed, pairs in enumerate(studies(world, n_readers, n_exams, repeats)):
        found = _numbers(pairs[pairs.level.isin(truth)], seed)
        fixed = found[found.way == FIXED]
        for kind, name in KINDS.items():
            low, high, true = fixed[f"{kind}low"], fixed[f"{kind}high"], fixed.level.map(truth)
            made.append(
                pd.DataFrame({"kind": name, "below": true < low, "above": true > high, "width": high - low})
            )
    return pd.concat(made).groupby("kind", sort=False).mean()


def _numbers(pairs: pd.DataFrame, seed: int) -> pd.DataFrame:
    readers = sorted({*pairs.rater} - {MODEL})
    return interchangeability(pairs, models=[MODEL], readers=readers, leave_out=False, seed=seed)


def main() -> None:
    """Print every case."""
    for world in EXCHANGEABLE:
        for n_readers in (3, 4, 5):
            print(f"\n{world.name}, {n_readers} readers, 10 exams, {REPEATS} studies: called different")
            print(rates(world, n_readers).to_string(float_format="%.3f"), flush=True)
    for world in OTHER:
        print(f"\nmodel {world.name}, 4 readers, 10 exams, {REPEATS} studies: truth outside the interval")
        print(misses(world).to_string(float_format="%.3f"), flush=True)


if __name__ == "__main__":
    main()
