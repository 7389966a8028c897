"""Ordinal STAPLE against closed forms (Grubbs), SciPy's normal distributions, voxelwise EM and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from evaluation.consensus.audit import audit
from evaluation.consensus.ordinal import FLOOR, ScoreModel, fit_ordinal
from evaluation.consensus.rules import leave_one_out, staple
from evaluation.consensus.squarem import accelerated_step
from evaluation.consensus.votes import Votes, count_votes, paint
from tests.support.staple_problems import has_notice


def table(rows, labels=(0, 1, 2, 3), names="abcde"):
    """Votes from a mapping of pattern to number of voxels."""
    patterns = np.array(sorted(rows, key=lambda row: row[::-1]), np.uint8)
    counts = np.array([rows[tuple(row)] for row in patterns.tolist()], np.int64)
    return Votes(tuple(names[: patterns.shape[1]]), labels, patterns, counts)


def simulated(bias, sd, *, n_labels=4, n_voxels=4000, seed=0, low=0.0):
    """Masks of raters who see a true score, uniform over the levels, through bias and normal noise."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(low, n_labels - 1 - low, n_voxels)
    seen = truth + np.array(bias)[:, None] + np.array(sd)[:, None] * rng.standard_normal((len(sd), n_voxels))
    masks = np.clip(np.round(seen), 0, n_labels - 1).astype(np.uint8)
    return {"abcde"[k]: mask for k, mask in enumerate(masks)}, tuple(range(n_labels)), truth


# --- against closed forms and other programs --------------------------------------------------------------


def test_three_raters_have_grubbs_variances():
    # Grubbs, J Am Stat Assoc 1948; 43:243: with three instruments the variance of the first is half of
    # var(1 - 2) + var(1 - 3) - var(2 - 3), and so on, where all are positive.
    masks, labels, _ = simulated([0.2, -0.1, 0.0], [0.4, 0.6, 0.8])
    fit = fit_ordinal(count_votes(masks, labels))
    a, b, c = (mask.astype(float) for mask in masks.values())
    ab, ac, bc = np.var(a - b), np.var(a - c), np.var(b - c)
    expected = np.array([ab + ac - bc, ab + bc - ac, ac + bc - ab]) / 2
    assert (expected > 0.05).all()
    assert fit.variance == pytest.approx(expected, rel=1e-6)
    means = np.array([a.mean(), b.mean(), c.mean()])
    assert fit.bias == pytest.approx(means - means.mean(), abs=1e-12)
    assert fit.spread == pytest.approx((1 / expected).sum() ** -0.5, rel=1e-6)


def test_two_raters_share_the_variance_of_their_difference():
    votes = table({(0, 0): 90, (1, 1): 20, (0, 1): 7, (2, 1): 4, (3, 2): 5, (1, 3): 2})
    consensus = staple(votes, rule="ordinal")
    difference = votes.patterns[:, 0].astype(float) - votes.patterns[:, 1]
    variance = np.cov(difference, fweights=votes.counts, ddof=0)
    assert consensus.variance == pytest.approx([variance / 2, variance / 2], rel=1e-9)
    assert has_notice(consensus, "cannot be told apart")
    # Halfway between two levels: the lower; between 1 and 3 lies 2, which neither drew there.
    labels = dict(zip(map(tuple, votes.patterns.tolist()), consensus.label.tolist(), strict=True))
    assert (labels[0, 1], labels[2, 1], labels[3, 2], labels[1, 3]) == (0, 1, 2, 2)
    assert has_notice(consensus, "of labels that tied the one declared first was taken: 16 voxels")


def test_log_likelihood_is_that_of_differences_between_raters():
    # Integrating the true score out of normal scores under a flat prior leaves the density of the
    # differences to the first rater: SciPy's multivariate normal.
    masks, labels, _ = simulated([0.2, -0.3, 0.0, 0.1], [0.4, 0.5, 0.3, 0.7], n_voxels=800)
    fit = fit_ordinal(count_votes(masks, labels))
    scores = np.array(list(masks.values()), float).T
    differences = scores[:, 1:] - scores[:, :1]

    def log_likelihood(bias, variance):
        covariance = variance[0] + np.diag(variance[1:])
        return multivariate_normal(bias[1:] - bias[0], covariance).logpdf(differences).sum()

    assert fit.kept.log_likelihood == pytest.approx(log_likelihood(fit.bias, fit.variance), rel=1e-10)
    # No optimiser of SciPy's finds a higher one, of biases and variances together.
    found = minimize(
        lambda x: -log_likelihood(x[:4], np.exp(x[4:])), np.r_[np.zeros(4), np.log(np.full(4, 0.3))]
    )
    assert -found.fun <= fit.kept.log_likelihood + 1e-6
    assert np.exp(found.x[4:]) == pytest.approx(fit.variance, rel=1e-3)


def test_score_and_posterior_of_a_pattern_by_numerical_integration():
    votes = table({(0, 0, 0): 500, (1, 1, 2): 40, (2, 2, 1): 30, (0, 1, 1): 60, (3, 2, 3): 20, (0, 3, 1): 9})
    consensus = staple(votes, rule="ordinal")
    fit = fit_ordinal(votes)
    row = votes.patterns.tolist().index([0, 3, 1])

    def density(t):
        return norm.pdf([0, 3, 1], t + consensus.bias, np.sqrt(consensus.variance)).prod()

    def integral(function, low=-4, high=7):
        # Densities of so odd a pattern are tiny: no absolute tolerance.
        return quad(function, low, high, epsabs=0, limit=200, points=[0, 1, 2, 3])[0]

    total = integral(density)
    assert fit.score[row] == pytest.approx(integral(lambda t: t * density(t)) / total, rel=1e-6)
    cuts = [(-4, 0.5), (0.5, 1.5), (1.5, 2.5), (2.5, 7)]
    nearest = [integral(density, low, high) / total for low, high in cuts]
    assert consensus.posterior[row] == pytest.approx(nearest, abs=1e-6)
    assert consensus.posterior.sum(axis=1) == pytest.approx(1)


def voxelwise_em(scores, steps):
    """EM as published: every voxel's true score and its variance, then every rater's bias and variance."""
    bias, variance = np.zeros(scores.shape[1]), np.ones(scores.shape[1])
    for _ in range(steps):
        spread = 1 / (1 / variance).sum()
        truth = spread * ((scores - bias) / variance).sum(axis=1)
        bias = (scores - truth[:, None]).mean(axis=0)
        variance = ((scores - bias - truth[:, None]) ** 2).mean(axis=0) + spread
    spread = 1 / (1 / variance).sum()
    return bias, variance, spread * ((scores - bias) / variance).sum(axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_patterns_give_what_voxel_by_voxel_em_gives(seed):
    masks, labels, _ = simulated([0.3, -0.2, 0.0, -0.4, 0.1], [0.3, 0.5, 0.6, 0.4, 0.8], seed=seed)
    votes = count_votes(masks, labels)
    fit = fit_ordinal(votes)
    bias, variance, truth = voxelwise_em(np.array(list(masks.values()), float).T, 2000)
    assert fit.bias == pytest.approx(bias, abs=1e-9)
    assert fit.variance == pytest.approx(variance, rel=1e-7)
    assert paint(masks, votes, fit.score) == pytest.approx(truth, abs=1e-7)


def test_known_biases_and_variances_are_recovered():
    # On 61 levels rounding adds the variance of a uniform step, 1/12 (Sheppard), and the ends are far off.
    bias, sd = np.array([2.0, -0.5, 0.0, -1.5]), np.array([1.0, 2.0, 3.0, 1.5])
    masks, labels, truth = simulated(bias, sd, n_labels=61, n_voxels=100_000, low=15)
    votes = count_votes(masks, labels)
    fit = fit_ordinal(votes)
    assert fit.bias == pytest.approx(bias, abs=0.05)
    assert fit.variance == pytest.approx(sd**2 + 1 / 12, rel=0.03)
    error = paint(masks, votes, fit.score) - truth
    assert np.sqrt((error**2).mean()) == pytest.approx(fit.spread, rel=0.02)
    # Better than the best rater alone, and than the plain mean of scores.
    assert error.std() < 0.9 * sd.min()
    assert error.std() < 0.9 * (np.mean([mask - truth for mask in masks.values()], axis=0)).std()


def test_on_four_levels_raters_are_ranked_by_their_noise():
    masks, labels, _ = simulated([0, 0, 0, 0], [0.2, 0.4, 0.7, 1.0], n_voxels=20_000)
    variance = staple(count_votes(masks, labels), rule="ordinal").variance
    assert (np.diff(variance) > 0).all()


# --- edge cases -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["volume", "union"])
def test_all_readers_empty_gives_an_empty_consensus_that_says_so(region):
    consensus = staple(table({(0, 0, 0): 50}), rule="ordinal", region=region)
    assert consensus.label.tolist() == [0]
    assert consensus.posterior.tolist() == [[1, 0, 0, 0]]
    assert has_notice(consensus, "no rater marked anything")
    assert np.isnan(consensus.sensitivity).all()
    assert (consensus.specificity == 1).all()
    assert consensus.converged


def test_one_reader_is_his_own_consensus():
    votes = table({(0,): 90, (1,): 5, (3,): 2})
    consensus = staple(votes, rule="ordinal")
    assert consensus.rule == "ordinal"
    assert consensus.label.tolist() == [0, 1, 3]
    assert consensus.bias.tolist() == [0]
    assert np.isnan(consensus.variance).all()
    assert has_notice(consensus, "one rater only")


def test_identical_readers_have_no_variance():
    consensus = staple(table({(0, 0, 0): 90, (1, 1, 1): 5, (3, 3, 3): 2}), rule="ordinal")
    assert consensus.label.tolist() == [0, 1, 3]
    assert consensus.variance.tolist() == [0, 0, 0]
    assert consensus.log_likelihood == np.inf
    assert has_notice(consensus, "differ by constants")
    assert np.isin(consensus.posterior, (0, 1)).all()


def test_readers_a_level_apart_everywhere_have_bias_and_no_variance():
    consensus = staple(table({(1, 2): 30, (2, 3): 20}), rule="ordinal", region="union")
    assert consensus.bias == pytest.approx([-0.5, 0.5])
    assert consensus.variance.tolist() == [0, 0]
    assert consensus.label.tolist() == [1, 2]


def test_two_identical_readers_among_four_reach_the_floor_and_say_so():
    rows = {(0, 0, 0, 0): 900, (1, 1, 0, 2): 40, (2, 2, 2, 1): 30, (0, 0, 1, 1): 50, (3, 3, 2, 3): 9}
    votes = table(rows)
    consensus = staple(votes, rule="ordinal")
    floor = consensus.variance.min()
    assert consensus.variance[:2] == pytest.approx([floor, floor])
    scores = votes.patterns - np.average(votes.patterns, axis=0, weights=votes.counts)
    within = np.average(scores.var(axis=1, ddof=1), weights=votes.counts)
    assert floor == pytest.approx(FLOOR * within)
    assert has_notice(consensus, "at its floor (0.001 of the mean): a, b decides")
    assert consensus.label.tolist() == votes.patterns[:, 0].tolist()


def test_a_reader_who_marks_nothing_counts_little():
    masks, labels, _ = simulated([0, 0, 0], [0.3, 0.3, 0.3])
    masks["empty"] = np.zeros_like(masks["a"])
    consensus = staple(count_votes(masks, labels), rule="ordinal")
    assert consensus.variance[3] > 4 * consensus.variance[:3].max()
    assert consensus.bias[3] < -1


def test_biases_that_overrule_unanimous_raters_are_found_by_the_audit():
    # The precise rater c scores far lower than both others: his weight moves every score up.
    rows = {(2, 3, 0): 50, (3, 2, 0): 50, (2, 2, 0): 50, (3, 3, 1): 50, (1, 1, 1): 6, (2, 3, 1): 20}
    consensus = staple(table(rows), rule="ordinal")
    (finding,) = (one for one in audit(consensus) if one.kind == "overruled")
    assert (finding.level, finding.voxels, finding.of) == (1, 6, 6)


def test_a_search_cut_short_says_so():
    masks, labels, _ = simulated([0, 0, 0], [0.2, 0.5, 0.9])
    consensus = staple(count_votes(masks, labels), rule="ordinal", max_iterations=3)
    assert not consensus.converged
    assert has_notice(consensus, "not converged after 3 EM steps")


# --- properties -------------------------------------------------------------------------------------------


@st.composite
def vote_tables(draw, least=2):
    """Any table of 2-5 readers and 4 labels, however odd."""
    readers = draw(st.integers(least, 5))
    pattern = st.tuples(*[st.integers(0, 3)] * readers)
    return table(draw(st.dictionaries(pattern, st.integers(1, 60), min_size=1, max_size=12)))


@settings(deadline=None, max_examples=30)
@given(vote_tables(), st.data())
def test_no_step_lowers_the_likelihood(votes, data):
    scores = votes.patterns - np.average(votes.patterns, axis=0, weights=votes.counts)
    covariance = (scores.T * votes.counts) @ scores / votes.n_voxels
    model = ScoreModel(covariance, votes.n_voxels)
    if model.mean_variance < 1e-9:
        return
    shares = st.lists(st.floats(FLOOR, 100), min_size=len(votes.raters), max_size=len(votes.raters))
    variances = model.mean_variance * np.array([data.draw(shares)])
    for _ in range(10):
        before, plain = model.step(variances)
        variances, _, _ = accelerated_step(model, variances)
        slack = 1e-9 * (votes.n_voxels + abs(before))
        assert (model.step(plain)[0] >= before - slack).all()
        assert (model.step(variances)[0] >= before - slack).all()
        assert (variances >= model.floor).all()


@settings(deadline=None, max_examples=30)
@given(vote_tables(), st.randoms(), st.sampled_from(["volume", "union"]))
def test_the_order_of_readers_changes_nothing_but_the_order(votes, random, region):
    shuffled = random.sample(votes.raters, len(votes.raters))
    other_votes = votes.select(shuffled)
    rows = votes.rows_in(other_votes)
    columns = [votes.column(rater) for rater in shuffled]
    one = staple(votes, rule="ordinal", region=region)
    two = staple(other_votes, rule="ordinal", region=region)
    assert np.array_equal(one.label, two.label[rows])
    assert np.array_equal(one.posterior, two.posterior[rows])
    assert np.array_equal(one.bias[columns], two.bias)
    assert np.array_equal(one.variance[columns], two.variance)
    assert np.array_equal(one.sensitivity[:, columns], two.sensitivity, equal_nan=True)


@settings(deadline=None, max_examples=30)
@given(vote_tables())
def test_scores_lie_between_the_votes_less_biases_and_biases_cancel(votes):
    fit = fit_ordinal(votes)
    corrected = votes.patterns - fit.bias
    assert (fit.score >= corrected.min(axis=1) - 1e-9).all()
    assert (fit.score <= corrected.max(axis=1) + 1e-9).all()
    assert abs(fit.bias.sum()) < 1e-9
    # Three times the voxels: the same model.
    thrice = Votes(votes.raters, votes.labels, votes.patterns, 3 * votes.counts)
    assert fit_ordinal(thrice).score == pytest.approx(fit.score, abs=1e-6)


@settings(deadline=None, max_examples=10)
@given(vote_tables(least=3))
def test_leave_one_out_is_the_consensus_of_the_others(votes):
    for rater, consensus in leave_one_out(votes, rule="ordinal").items():
        others = [other for other in votes.raters if other != rater]
        assert np.array_equal(consensus.label, staple(votes.select(others), rule="ordinal").label)
        assert consensus.label_on(votes).shape == votes.counts.shape
