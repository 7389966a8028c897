"""How long a ranking with 1000 bootstraps takes, next to the loop that one would write in Python and in R.

Ours starts at the long table and ends with all tables: ranks, intervals, probabilities, Kendall's tau,
pairwise tests, groups. The peers get the matrix, take the same samples of cases and end with the ranks of
each; where they take seconds, the Python loop's ranks are checked to be ours. challengeR needs packages that
are not in base R; its loop does more work than the one timed here. R's start is not counted.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.timing import Row, paired, seconds
from evaluation.ranking import Rules, Scheme, rank_scores
from evaluation.ranking.bootstrap import draw
from evaluation.ranking.schemes import aggregate, rank_aggregates
from evaluation.ranking.score_table import split_tasks

R_PEER = Path(__file__).with_name("ranking_peer.R")
N_ALGORITHMS, N_CASES, BOOTSTRAPS = 10, 50, 1000
_PEER_SCHEMES = (Scheme.MEAN, Scheme.RANK_MEAN, Scheme.TEST)


def simulate_scores(n_algorithms: int, n_cases: int, n_tasks: int = 1) -> pd.DataFrame:
    """A long table: cases of different difficulty, algorithms of slightly different ability."""
    random = np.random.default_rng(2022)
    tasks = []
    for task in range(n_tasks):
        values = random.normal(size=(n_cases, n_algorithms)) + np.linspace(0.6, 0, n_algorithms)
        cases, algorithms = np.indices(values.shape)
        table = {"algorithm": algorithms.ravel(), "case": cases.ravel(), "value": values.ravel()}
        tasks.append(pd.DataFrame(table).assign(task=f"task{task}"))
    table = pd.concat(tasks, ignore_index=True)
    return table.assign(algorithm="algorithm" + table.algorithm.astype(str).str.zfill(3))


def bench_ranking(repeats: int = 5) -> tuple[list[Row], str]:
    """Measure each scheme against both peers, and a large board; rows, and a section of text.

    Parameters
    ----------
    repeats : int
        Pairs of one run of ours and one of the peer's; of test-then-rank one pair, which takes a minute.
    """
    scores = simulate_scores(N_ALGORITHMS, N_CASES)
    rules = Rules(bootstraps=BOOTSTRAPS)
    task = split_tasks(scores, rules)[0]
    counts = draw([task], rules)[0]
    picks = [np.repeat(np.arange(N_CASES), drawn.astype(int)) for drawn in counts.T]
    rows = []
    for scheme in _PEER_SCHEMES:
        name = f"{scheme}, {BOOTSTRAPS} bootstraps, {N_ALGORITHMS} algorithms x {N_CASES} cases"
        times = 1 if scheme is Scheme.TEST else repeats

        def ours(scheme: Scheme = scheme) -> object:
            return rank_scores(scores, rules, [scheme])

        def python_loop(scheme: Scheme = scheme) -> list[np.ndarray]:
            table = pd.DataFrame(task.values)
            return [_PYTHON[scheme](table.iloc[pick]) for pick in picks]

        if scheme is not Scheme.TEST:
            # Only the same work is worth timing against.
            mine = rank_aggregates(aggregate(scheme, task, counts, rules), rules.tolerance)
            if not np.array_equal(mine, python_loop()):
                raise RuntimeError(f"{scheme}: not the ranks that the Python loop finds")
            rows.append(paired(name, "a loop in pandas", ours, python_loop, times))
        else:
            rows.append(_once(name, "a loop with scipy.stats.wilcoxon", ours, python_loop))
        rows += _against_r(name, scheme, ours, task.values, picks, times)
    return rows, _section(scores, rules)


def _rank(values: np.ndarray) -> np.ndarray:
    return stats.rankdata(-values, method="min")


def _mean_then_rank(sample: pd.DataFrame) -> np.ndarray:
    return _rank(sample.mean().to_numpy())


def _rank_then_mean(sample: pd.DataFrame) -> np.ndarray:
    return _rank(-sample.rank(axis=1, ascending=False, method="min").mean().to_numpy())


def _test_then_rank(sample: pd.DataFrame) -> np.ndarray:
    values = sample.to_numpy()
    n = values.shape[1]
    pairs = [(one, other) for one in range(n) for other in range(n) if one != other]
    p = [
        stats.wilcoxon(
            values[:, one], values[:, other], alternative="greater", method="asymptotic", correction=True
        ).pvalue
        for one, other in pairs
    ]
    wins, is_rejected = np.zeros(n), True
    for step, place in enumerate(np.argsort(p)):
        is_rejected = is_rejected and p[place] * (len(p) - step) <= 0.05
        wins[pairs[place][0]] += is_rejected
    return _rank(wins)


_PYTHON: dict[Scheme, Callable[[pd.DataFrame], np.ndarray]] = {
    Scheme.MEAN: _mean_then_rank,
    Scheme.RANK_MEAN: _rank_then_mean,
    Scheme.TEST: _test_then_rank,
}


def _once(name: str, peer_name: str, ours: Callable[[], object], peer: Callable[[], object]) -> Row:
    """One pair, ours after an uncounted run: for a peer that takes half a minute."""
    ours()
    mine, theirs = seconds(ours), seconds(peer)
    return Row(name, peer_name, mine, theirs, theirs / mine, theirs / mine, theirs / mine)


def _against_r(
    name: str,
    scheme: Scheme,
    ours: Callable[[], object],
    values: np.ndarray,
    picks: list[np.ndarray],
    repeats: int,
) -> list[Row]:
    """The same loop in base R, timed inside R; no row, and a line, where there is no R."""
    if not shutil.which("Rscript"):
        print(f"{name}: no Rscript here, so R is not timed")
        return []
    pairs = []
    with TemporaryDirectory() as folder:
        matrix, samples = Path(folder, "matrix.csv"), Path(folder, "samples.csv")
        np.savetxt(matrix, values, delimiter=",", fmt="%.17g")
        np.savetxt(samples, np.array(picks) + 1, delimiter=",", fmt="%d")
        ours()
        for _ in range(repeats):
            call = ["Rscript", "--vanilla", str(R_PEER), str(matrix), str(samples), scheme.value]
            found = subprocess.run(call, check=True, capture_output=True, text=True).stdout
            pairs.append((seconds(ours), float(found)))
    ratios = [theirs / mine for mine, theirs in pairs]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return [Row(name, "a loop in base R", mine, theirs, statistics.median(ratios), min(ratios), max(ratios))]


def _section(scores: pd.DataFrame, rules: Rules) -> str:
    """Every scheme's time, and time and memory of a large board in a process of its own."""
    lines = ["## Ranking", "", f"{BOOTSTRAPS} bootstraps, {N_ALGORITHMS} algorithms x {N_CASES} cases:", ""]
    lines += ["| scheme | median of 5 |", "| --- | --- |"]
    for scheme in Scheme:
        rank_scores(scores, rules, [scheme])
        times = [seconds(lambda scheme=scheme: rank_scores(scores, rules, [scheme])) for _ in range(5)]
        lines.append(f"| {scheme} | {1000 * statistics.median(times):.1f} ms |")
    large = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_ranking"], check=True, capture_output=True, text=True
    ).stdout
    return "\n".join(lines) + f"\n\n{large}"


def _large_board() -> None:
    """Rank 200 algorithms x 500 cases x 4 tasks, and print time and peak memory of this process."""
    scores = simulate_scores(200, 500, 4)
    before = _peak_mib()
    took = seconds(lambda: rank_scores(scores, Rules(bootstraps=BOOTSTRAPS), [Scheme.MEAN]))
    print(
        "200 algorithms x 500 cases x 4 tasks by the mean, pairwise tests and groups included: "
        f"{took:.1f} s, peak memory {_peak_mib():.0f} MiB ({before:.0f} MiB before: Python, the table)."
    )


def _peak_mib() -> float:
    """Most memory that this program held so far. (`ru_maxrss` starts at that of who started it.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    _large_board()
