"""Paired timing: ours and the peer in turn, so that a machine whose speed drifts is fair to both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One measurement; times in seconds are medians, the ratio is the median of peer / ours pair by pair."""

    name: str
    peer_name: str
    ours: float
    peer: float
    ratio: float
    lowest: float
    highest: float


def paired(
    name: str, peer_name: str, ours: Callable[[], object], peer: Callable[[], object], repeats: int
) -> Row:
    """Time two functions in turn, after one uncounted run of each."""
    ours(), peer()
    return row_of(name, peer_name, [(seconds(ours), seconds(peer)) for _ in range(repeats)])


def row_of(name: str, peer_name: str, pairs: Sequence[tuple[float, float]]) -> Row:
    """The row of times that were taken in turn, ours before the peer's."""
    ratios = [theirs / mine for mine, theirs in pairs]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return Row(name, peer_name, mine, theirs, statistics.median(ratios), min(ratios), max(ratios))


def seconds(run: Callable[[], object]) -> float:
    """Wall time of a call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
