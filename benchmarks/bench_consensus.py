"""How long the consensus of four readers takes, next to SimpleITK's filters, on one exam of the study's size.

Run ``python benchmarks/bench_consensus.py``. Every row is measured in one run, ours and the peer's in
turn, and the ratio is the median of the paired ratios. SimpleITK runs with its default settings and its
default number of threads (both STAPLE filters loop over the image in one thread all the same); its images
are made before the clock starts. Ours starts at the mask arrays and ends at the painted label volume.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from evaluation.staple import staple
from evaluation.votes import count_votes, paint

LABELS = (0, 1, 2, 3)
SHAPE = (384, 384, 16)
# Thresholds on the marrow signal field: shares of the marrow's voxels at or above level 1, 2 and 3.
LEVEL_SHARES = (0.055, 0.0125, 0.0011)
MARROW_SHARE = 0.14


class Row(NamedTuple):
    """One measurement; times in seconds are medians, the ratio is the median of peer / ours pair by pair."""

    name: str
    ours: float
    peer: float
    ratio: float


def simulate_masks(
    shape: tuple[int, int, int] = SHAPE, readers: int = 4, seed: int = 0
) -> dict[str, np.ndarray]:
    """Ordinal masks of noisy readers over one smooth signal field inside a marrow-like region.

    Each reader sees the field with a blurred error of his own and sets thresholds of his own, so masks
    differ at borders, between neighbouring levels and in whole small foci.
    """
    rng = np.random.default_rng(seed)

    def blobs(sigma: float) -> np.ndarray:
        noise = rng.standard_normal(shape, dtype=np.float32)
        field = ndimage.gaussian_filter(noise, (sigma, sigma, sigma / 4), mode="wrap")
        return field / field.std()

    extent = blobs(24.0)
    marrow = extent > np.quantile(extent, 1 - MARROW_SHARE)
    signal = blobs(4.0)
    cuts = np.quantile(signal[marrow], 1 - np.array(LEVEL_SHARES))
    masks = {}
    for reader in range(readers):
        seen = signal + 0.25 * blobs(2.0)
        own_cuts = cuts + rng.normal(0.08, 0.12, size=len(cuts))
        level = np.digitize(seen, np.sort(own_cuts)).astype(np.uint8)
        masks[f"reader{reader + 1}"] = np.where(marrow, level, 0).astype(np.uint8)
    return masks


def bench_consensus(repeats: int = 5, shape: tuple[int, int, int] = SHAPE) -> list[Row]:
    """Measure both rules on simulated masks.

    Parameters
    ----------
    repeats : int
        Pairs of one run of ours and one of the peer's.
    shape : tuple of int
    """
    masks = simulate_masks(shape)
    images = [sitk.GetImageFromArray(mask) for mask in masks.values()]

    def multilabel() -> np.ndarray:
        votes = count_votes(masks, LABELS)
        return paint(masks, votes, staple(votes, rule="multilabel").label)

    def binary() -> np.ndarray:
        votes = count_votes(masks, LABELS)
        return paint(masks, votes, staple(votes, rule="binary").label)

    def sitk_multilabel() -> np.ndarray:
        return sitk.GetArrayViewFromImage(sitk.MultiLabelSTAPLE(images))

    def sitk_binary() -> np.ndarray:
        confidence_weight = 1.0
        probabilities = [sitk.STAPLE(images, confidence_weight, float(level)) for level in LABELS[1:]]
        return np.stack([sitk.GetArrayViewFromImage(probability) > 0.5 for probability in probabilities])

    # Only the same work is worth timing against: each level present where the peer has it.
    if not np.array_equal(binary() > 0, sitk_binary().any(axis=0)):
        raise RuntimeError("binary consensus: not the voxels that sitk.STAPLE finds")

    return [
        _paired("multi-label consensus / sitk.MultiLabelSTAPLE", multilabel, sitk_multilabel, repeats),
        _paired("binary consensus, 3 levels / 3 x sitk.STAPLE", binary, sitk_binary, repeats),
    ]


def _paired(name: str, ours: Callable[[], object], peer: Callable[[], object], repeats: int) -> Row:
    ours()
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(repeats)]
    return Row(
        name,
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        statistics.median(theirs / mine for mine, theirs in pairs),
    )


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    print(f"SimpleITK {sitk.Version_VersionString()}, default threads: {threads}; NumPy {np.__version__}")
    for row in bench_consensus():
        print(
            f"{row.name}: ours {row.ours * 1e3:.1f} ms, peer {row.peer:.2f} s, {row.ratio:.0f} times faster"
        )


if __name__ == "__main__":
    main()
