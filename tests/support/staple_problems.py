"""Problems for tests of STAPLE, and what its definition and SimpleITK's binary filter say of them."""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from evaluation.consensus.votes import count_votes


def random_problem(seed):
    """Masks of 2-5 readers and 2-4 ordinal labels, the top one sparse; odd seeds hold no tied vote."""
    rng = np.random.default_rng(seed)
    readers, n_labels = int(rng.integers(2, 6)), int(rng.integers(2, 5))

    def blobs(sigma):
        field = ndimage.gaussian_filter(rng.standard_normal((8, 20, 20)), sigma, mode="wrap")
        return field / field.std()

    signal = blobs(1.5)
    shares = [0.25, 0.1, 0.02][: n_labels - 1] if n_labels > 2 else [rng.choice([0.2, 0.02])]
    cuts = np.quantile(signal, 1 - np.array(shares))
    noise = rng.choice([0.2, 0.5])
    masks = {
        f"r{k}": np.digitize(
            signal + noise * blobs(0.7), np.sort(cuts + rng.normal(0, 0.15, len(cuts)))
        ).astype(np.uint8)
        for k in range(readers)
    }
    if seed % 2:
        votes = np.sum([mask == np.arange(n_labels)[:, None, None, None] for mask in masks.values()], axis=0)
        ranked = np.sort(votes, axis=0)
        tied = ranked[-1] == ranked[-2]
        masks = {r: np.where(tied, votes.argmax(axis=0), m).astype(np.uint8) for r, m in masks.items()}
    return masks, tuple(range(n_labels))


def table(rows, labels=(0, 1), raters=("a", "b", "c")):
    """Votes from {pattern: voxels}."""
    raters = raters[: len(next(iter(rows)))]
    masks = {
        rater: np.concatenate([np.full(n, pattern[k], np.uint8) for pattern, n in rows.items()])
        for k, rater in enumerate(raters)
    }
    return count_votes(masks, labels)


def sitk_images(masks):
    return [sitk.GetImageFromArray(mask) for mask in masks.values()]


def sitk_binary(masks, label):
    """Probabilities and filter; the filter holds sensitivity, specificity and iterations."""
    filter_ = sitk.STAPLEImageFilter()
    filter_.SetForegroundValue(label)
    return sitk.GetArrayFromImage(filter_.Execute(sitk_images(masks))), filter_


def log_likelihood(votes, confusion, prior):
    """The definition, term by term."""
    joint = np.tile(prior, (len(votes.counts), 1))
    for reader in range(len(votes.raters)):
        joint = joint * np.nan_to_num(confusion[reader])[votes.patterns[:, reader]]
    with np.errstate(divide="ignore"):
        return float(votes.counts @ np.log(joint.sum(axis=1)))


def has_notice(consensus, text):
    return any(text in notice for notice in consensus.notices)
