"""Sums of ranks of which each is in it or not, as likely: their chances, counted, or of many ranks nearly."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy

# Different ranks up to which these are few.
_FEW = 20
# What is next to nothing.
_NOTHING = 1e-20


def sums_of_ranks(ranks: np.ndarray) -> np.ndarray:
    """Chance of each sum of ranks (whole numbers, 0 to their total) when every rank is in it or not.

    Read-only: pairs without ties have the same.
    """
    return _sums(np.asarray(ranks, np.int64).tobytes())


@lru_cache(maxsize=256)
def _sums(of: bytes) -> np.ndarray:
    ranks = np.frombuffer(of, np.int64)
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1
    for rank in ranks:
        chances[rank:] = (chances[rank:] + chances[: len(chances) - rank]) / 2
        chances[:rank] /= 2
    chances.flags.writeable = False
    return chances


def tail(ranks: np.ndarray, total: int) -> float:
    """Chance that a sum of ranks (whole numbers, each in it or not) is `total` or more, of many ranks.

    Of few different ranks it is `_tail_of_few`. Of others the saddlepoint approximation of Lugannani and
    Rice (1980, Adv Appl Probab 12:475, not opened) with Daniels' correction for sums on a lattice; next to
    the mean, where it is 0 by 0, Edgeworth's.
    """
    different, counts = np.unique(ranks, return_counts=True)
    if len(different) <= _FEW:
        return _tail_of_few(different, counts, total)
    step = int(np.gcd.reduce(different))
    half = ranks / 2
    # Of the sum about its mean, to the middle between this sum and the next lower one.
    wanted = total - step / 2 - half.sum()
    spread = np.sqrt((half**2).sum())
    if wanted >= half.sum():
        return 0.0
    if wanted <= -half.sum():
        return 1.0
    z = wanted / spread
    if abs(z) < 0.1:
        excess = -2 * (half**4).sum() / spread**4
        return float(scipy.stats.norm.sf(z) + scipy.stats.norm.pdf(z) * excess * (z**3 - 3 * z) / 24)
    at = 0.0
    for _ in range(100):
        share = np.tanh(at * half)
        move = (wanted - (half * share).sum()) / (half**2 * (1 - share**2)).sum()
        # Where all but a few are in the sum a full step overshoots.
        at += float(np.clip(move, -1 / spread, 1 / spread))
        if abs(move) < 1e-12 / spread:
            break
    share = np.tanh(at * half)
    log_mean = (np.logaddexp(at * half, -at * half) - np.log(2)).sum()
    root = np.sign(at) * np.sqrt(2 * (at * wanted - log_mean))
    slope = 2 / step * np.sinh(at * step / 2) * np.sqrt((half**2 * (1 - share**2)).sum())
    chance = scipy.stats.norm.sf(root) + scipy.stats.norm.pdf(root) * (1 / slope - 1 / root)
    return float(np.clip(chance, 0, 1))


def _tail_of_few(ranks: np.ndarray, counts: np.ndarray, total: int) -> float:
    """The same from the characteristic function, to 1e-14: sums of few different ranks leave gaps."""
    step = int(np.gcd.reduce(ranks))
    steps = ranks // step
    twice_mean, spread = int((steps * counts).sum()), np.sqrt((steps**2 * counts).sum()) / 2
    # Farther than this from the mean no sum has a chance that counts.
    size = int(min(twice_mean, np.ceil(18 * spread))) + 1
    first = max(0, int(np.ceil((twice_mean - size) / 2)))
    n_sums = size - int(np.clip(-(-total // step) - first, 0, size))
    # Angles are these many times 2 pi / size; numbers times numbers stay whole, and turn full circles.
    numbers = _loud(size, steps, counts)
    value = np.where(2 * numbers == size, 1.0, 2.0)
    for rank, count in zip(steps, counts, strict=True):
        value *= np.cos(np.pi / size * (numbers * rank % (2 * size))) ** count
        loud = np.abs(value) > _NOTHING
        numbers, value = numbers[loud], value[loud]
    # Of the sums from here to the last one, all at once.
    value *= np.cos(np.pi / size * (numbers * (2 * (first + size) - n_sums - 1 - twice_mean) % (2 * size)))
    value *= np.sin(np.pi / size * (numbers * n_sums % (2 * size))) / np.sin(np.pi / size * numbers)
    return float(np.clip((n_sums + value.sum()) / size, 0, 1))


def _loud(size: int, steps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The angles, 1 to size / 2, at which the characteristic function is not next to nothing.

    They are few, and found some neighbours at a time, by the most that it can be between the first and last.
    """
    half = size // 2
    together = -(-half // (4 * int(steps.max())))
    starts = np.arange(1, half + 1, together)
    ends = np.minimum(starts + together - 1, half)
    most = np.zeros(len(starts))
    for rank, count in zip(steps, counts, strict=True):
        turn = np.pi / 2 / size * rank
        away = np.abs((turn * (starts + ends) + np.pi / 2) % np.pi - np.pi / 2) - turn * (ends - starts)
        most += count * np.log(np.cos(np.maximum(away, 0)))
        loud = most > np.log(_NOTHING)
        starts, ends, most = starts[loud], ends[loud], most[loud]
    numbers = (starts[:, None] + np.arange(together)).ravel()
    return numbers[numbers <= half]
