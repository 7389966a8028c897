import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from evaluation.consensus.votes import count_votes
from evaluation.scores.agreement import chance_corrected
from evaluation.scores.kappa import COLUMNS, _Pooled, kappa_table, pairwise_kappa
from evaluation.statistics.chance_corrected import cohen_kappa, disagreement_weights, krippendorff_alpha
from evaluation.statistics.intervals import StatisticsError


def drawn_exams(n=6, n_labels=4, seed=0, raters=("a", "b", "m")):
    rng = np.random.default_rng(seed)
    exams = {}
    for number in range(n):
        truth = rng.integers(0, n_labels, 600)
        wrong = rng.uniform(0.1, 0.4)
        masks = {
            rater: np.where(rng.random(600) < wrong, rng.integers(0, n_labels, 600), truth).astype(np.uint8)
            for rater in raters
        }
        exams[f"e{number}"] = count_votes(masks, tuple(range(n_labels)))
    return exams


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), n_labels=st.integers(2, 7))
def test_kappa_is_that_of_statsmodels(weights, seed, n_labels):
    table = np.random.default_rng(seed).integers(0, 50, (n_labels, n_labels)) + 1
    asked = None if weights == "none" else weights
    theirs = inter_rater.cohens_kappa(table, wt=asked, return_results=False)
    assert cohen_kappa(table, weights) == pytest.approx(float(theirs), abs=1e-12)


def test_pooled_kappa_is_that_of_all_voxels_together_and_its_error_that_of_leaving_out():
    exams = drawn_exams()
    tables = np.array([votes.together("a", "b") for votes in exams.values()], float)
    pooled = _Pooled(tables, disagreement_weights(4, "quadratic"))
    (kappa,), (error,) = pooled.of(np.ones((1, 6)))
    assert kappa == pytest.approx(cohen_kappa(tables.sum(axis=0), "quadratic"), abs=1e-12)
    without = np.array([cohen_kappa(np.delete(tables, i, 0).sum(axis=0), "quadratic") for i in range(6)])
    jackknife = np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
    assert error == pytest.approx(jackknife, rel=0.05)
    # An exam that counts twice is as two that are alike.
    (twice,), _ = pooled.of(np.array([[2.0, 1, 1, 1, 1, 1]]))
    both = np.concatenate([tables, tables[:1]]).sum(axis=0)
    assert twice == pytest.approx(cohen_kappa(both, "quadratic"), abs=1e-12)


def test_every_reader_meets_every_other_rater_once():
    found = pairwise_kappa(drawn_exams(raters=("a", "b", "m", "n")), ["a", "b"])
    assert list(found.columns) == COLUMNS
    linear = found[(found.voxels == "volume") & (found.weights == "linear")]
    pairs = list(zip(linear.rater, linear.other, strict=True))
    assert pairs == [("a", "b"), ("a", "m"), ("a", "n"), ("b", "m"), ("b", "n")]
    assert set(found.weights) == {"linear", "quadratic"}
    assert ((found.low < found.kappa) & (found.kappa < found.high)).all()
    assert set(pairwise_kappa(drawn_exams(), ["a", "b"], ordered=False).weights) == {"none"}


def test_the_union_leaves_out_what_neither_marks():
    exams = drawn_exams(n=2)
    found = pairwise_kappa(exams, ["a", "b"], ordered=False).set_index(["voxels", "rater", "other"])
    table = sum(votes.together("a", "b") for votes in exams.values())
    table[0, 0] = 0
    row = found.loc["union", "a", "b"]
    assert row.kappa == pytest.approx(cohen_kappa(table))
    assert row.n_voxels == table.sum()


def test_a_pair_is_held_to_the_exams_that_both_drew():
    exams = drawn_exams(n=5)
    some = {name: votes if name != "e4" else votes.select(["a", "m"]) for name, votes in exams.items()}
    found = pairwise_kappa(some, ["a", "b"], ordered=False).set_index(["voxels", "rater", "other"])
    whole = pairwise_kappa(exams, ["a", "b"], ordered=False).set_index(["voxels", "rater", "other"])
    fewer = pairwise_kappa({k: v for k, v in exams.items() if k != "e4"}, ["a", "b"], ordered=False)
    fewer = fewer.set_index(["voxels", "rater", "other"])
    assert found.loc["volume", "a", "m"].equals(whole.loc["volume", "a", "m"])
    assert found.loc["volume", "a", "b"].equals(fewer.loc["volume", "a", "b"])


def test_there_is_no_interval_of_one_exam_and_no_kappa_of_one_label():
    one = pairwise_kappa(drawn_exams(n=1), ["a", "b"])
    assert one.kappa.notna().all() and one.low.isna().all()
    same = {"a": np.ones(9, np.uint8), "b": np.ones(9, np.uint8)}
    nothing = pairwise_kappa({"e": count_votes(same, (0, 1))}, ["a", "b"])
    assert nothing.kappa.isna().all()
    with pytest.raises(StatisticsError, match="found no exam"):
        pairwise_kappa({}, ["a"])


def test_the_interval_holds_what_it_promises_at_ten_exams():
    """In 1,500 repetitions 0.968 (quadratic) and 0.969 (linear); the suite keeps 120."""
    held = 0
    for seed in range(120):
        found = pairwise_kappa(drawn_exams(10, 3, seed, ("a", "b")), ["a", "b"])
        row = found[(found.voxels == "volume") & (found.weights == "quadratic")].iloc[0]
        # Agreement by chance apart, a pair agrees where neither errs: mean of (1 - w)^2, w even on 0.1-0.4.
        held += row.low <= _EXPECTED <= row.high
    assert held >= 106


#: Of w even on 0.1 to 0.4: E (1 - w)^2.
_EXPECTED = (0.9**3 - 0.6**3) / (3 * 0.3)


def test_alpha_of_labels_without_an_order_is_nominal():
    exams = drawn_exams(n=1)
    (votes,) = exams.values()
    ratings = np.stack([(votes.patterns == label).sum(axis=1) for label in range(4)], axis=1)
    found = chance_corrected(exams, ordered=False).set_index("voxels").alpha
    assert found["volume"] == krippendorff_alpha(ratings, votes.counts, "nominal")
    assert found["volume"] != chance_corrected(exams).set_index("voxels").alpha["volume"]


def test_the_printed_table_says_what_the_weights_are():
    exams = drawn_exams(n=3)
    levels = kappa_table(pairwise_kappa(exams, ["a", "b"]), title="t").to_markdown()
    assert "Kappa, linear weights (95 % interval)" in levels
    labels = kappa_table(pairwise_kappa(exams, ["a", "b"], ordered=False), title="t").to_markdown()
    assert "Kappa (95 % interval)" in labels
    assert "level" not in labels and "weights" not in labels


def test_of_one_label_alone_there_is_no_kappa() -> None:
    assert np.isnan(cohen_kappa(np.array([[7, 0], [0, 0]])))


def test_where_most_draws_have_no_kappa_there_is_no_interval() -> None:
    """What is drawn of an exam without a mark has no disagreement to expect."""
    pooled = _Pooled(np.array([[[9, 0], [0, 0]], [[3, 1], [1, 4]]], float), disagreement_weights(2, "none"))
    kappa, low, high = pooled.interval(np.array([[2, 0], [2, 0], [2, 0], [1, 1]]), 0.95)
    assert kappa == pytest.approx(cohen_kappa(np.array([[12, 1], [1, 4]])))
    assert np.isnan(low) and np.isnan(high)
    assert not np.isnan(pooled.interval(np.array([[1, 1]] * 4), 0.95)).any()
