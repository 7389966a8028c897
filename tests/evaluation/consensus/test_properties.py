"""What holds for every STAPLE consensus: likelihood never falls, and order and number do not matter."""

from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.consensus.kinds import Rule
from evaluation.consensus.pattern_model import PatternModel
from evaluation.consensus.rules import Consensus, staple
from evaluation.consensus.votes import Votes, count_votes
from tests.support.staple_problems import has_notice, log_likelihood, random_problem, table

N_LABELS = 3


@st.composite
def vote_tables(draw):
    """Any table of 2-4 readers and 3 labels, however odd."""
    readers = draw(st.integers(2, 4))
    pattern = st.tuples(*[st.integers(0, N_LABELS - 1)] * readers)
    rows = draw(st.dictionaries(pattern, st.integers(1, 60), min_size=1, max_size=12))
    return table(rows, tuple(range(N_LABELS)), ("a", "b", "c", "d"))


@settings(deadline=None, max_examples=40)
@given(vote_tables(), st.randoms(), st.sampled_from(["multilabel", "binary"]))
def test_the_order_of_readers_changes_nothing_but_the_order(votes, random, rule):
    shuffled = random.sample(votes.raters, len(votes.raters))
    other_votes = votes.select(shuffled)
    rows = votes.rows_in(other_votes)
    columns = [votes.column(rater) for rater in shuffled]
    one = staple(votes, rule=rule, max_iterations=600)
    two = staple(other_votes, rule=rule, max_iterations=600)
    assert np.array_equal(one.label, two.label[rows])
    assert np.array_equal(one.posterior, two.posterior[rows])
    assert np.array_equal(one.sensitivity[:, columns], two.sensitivity, equal_nan=True)
    assert one.log_likelihood == two.log_likelihood
    if rule == "multilabel":
        assert np.array_equal(one.confusion[columns], two.confusion, equal_nan=True)


@st.composite
def symmetric_tables(draw):
    """Tables that exchanging some of the readers leaves as they are, or turns into themselves."""
    votes = draw(vote_tables())
    readers = len(votes.raters)
    order = draw(st.sampled_from([[1, 0, *range(2, readers)], [*range(1, readers), 0]]))
    rows = dict(zip(map(tuple, votes.patterns.tolist()), votes.counts.tolist(), strict=True))
    for _ in range(readers):
        rows |= {tuple(pattern[place] for place in order): voxels for pattern, voxels in rows.items()}
    return table(rows, votes.labels, votes.raters)


@st.composite
def opposed_pairs(draw):
    """Two pairs of readers, alike within a pair."""
    votes = draw(vote_tables())
    rows = zip(votes.patterns[:, :2].tolist(), votes.counts.tolist(), strict=True)
    return table({(a, a, b, b): voxels for (a, b), voxels in rows}, votes.labels, ("a", "b", "c", "d"))


@pytest.mark.parametrize("rule", get_args(Rule))
@settings(deadline=None, max_examples=25)
@given(st.one_of(vote_tables(), symmetric_tables(), opposed_pairs()), st.randoms())
def test_renaming_readers_changes_no_voxel(rule, votes, random):
    renamed = replace(votes, raters=tuple(random.sample(votes.raters, len(votes.raters))))
    one = staple(votes, rule=rule, max_iterations=600)
    two = staple(renamed, rule=rule, max_iterations=600)
    assert np.array_equal(one.label, two.label)


def test_two_opposed_pairs_of_readers_count_alike_and_say_so():
    # Each pair may be the exact one: four starts share the highest likelihood, and the pairs are of one size.
    votes = table({(0, 0, 0, 0): 50, (2, 2, 0, 0): 9, (0, 0, 1, 1): 7, (1, 1, 2, 2): 5}, (0, 1, 2), "abcd")
    consensus = staple(votes, rule="ordinal")
    assert consensus.variance == pytest.approx(np.full(4, consensus.variance[0]))
    assert has_notice(consensus, "the likelihood does not determine the consensus")
    assert has_notice(consensus, "the mean of 2 answers was taken")
    assert consensus.undetermined == 9 + 7 + 5


@settings(deadline=None, max_examples=40)
@given(vote_tables())
def test_what_holds_for_every_multilabel_consensus(votes):
    consensus = staple(votes, max_iterations=600)
    assert np.allclose(consensus.posterior.sum(axis=1), 1)
    used = consensus.prior > 0
    assert np.allclose(consensus.confusion[:, :, used].sum(axis=1), 1)
    assert (consensus.posterior[:, ~used] == 0).all()
    top = max(start.log_likelihood for start in consensus.starts)
    assert consensus.log_likelihood == pytest.approx(top, rel=1e-9)
    direct = log_likelihood(votes, consensus.confusion, consensus.prior)
    assert direct == pytest.approx(consensus.log_likelihood, rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(vote_tables(), st.integers(0, 2**32 - 1))
def test_an_em_step_never_lowers_the_likelihood(votes, seed):
    used = np.flatnonzero(votes.label_counts.sum(axis=0))
    model = PatternModel(np.searchsorted(used, votes.patterns), votes.counts, len(used))
    rng = np.random.default_rng(seed)
    confusion = rng.dirichlet(np.ones(len(used)), (2, len(votes.raters), len(used))).swapaxes(2, 3)
    before = np.full(2, -np.inf)
    for _ in range(20):
        likelihood, confusion = model.step(confusion)
        assert (likelihood >= before - 1e-9 * np.abs(likelihood)).all()
        before = likelihood


@pytest.mark.parametrize("seed", range(0, 40, 7))
def test_the_number_and_order_of_voxels_do_not_matter(seed):
    masks, labels = random_problem(seed)
    once = count_votes(masks, labels)
    order = np.random.default_rng(seed).permutation(masks["r0"].size)
    thrice = count_votes({rater: np.tile(mask.ravel()[order], 3) for rater, mask in masks.items()}, labels)
    for rule in ("multilabel", "binary"):
        one, three = staple(once, rule=rule), staple(thrice, rule=rule)
        assert np.array_equal(one.label, three.label)
        assert np.allclose(one.posterior, three.posterior, atol=1e-6)
        assert three.log_likelihood == pytest.approx(3 * one.log_likelihood)


def test_the_same_answer_in_every_run():
    votes = count_votes(*random_problem(4))
    one, two = staple(votes), staple(votes)
    for field in fields(Consensus):
        mine, theirs = getattr(one, field.name), getattr(two, field.name)
        assert mine is theirs if isinstance(mine, Votes) else np.array_equal(mine, theirs), field.name
