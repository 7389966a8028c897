"""STAPLE against SimpleITK 2.5.7, the reference: its baseline, random problems, real masks; edge cases."""

from dataclasses import fields

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from evaluation.staple import Consensus, decision_table, leave_one_out, staple
from evaluation.staple_binary import binary_staple
from evaluation.staple_multilabel import PatternModel
from evaluation.votes import Votes, count_votes, paint

UNDECIDED = 255


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


def sitk_images(masks):
    return [sitk.GetImageFromArray(mask) for mask in masks.values()]


def sitk_binary(masks, label):
    """Probabilities and filter; the filter holds sensitivity, specificity and iterations."""
    filter_ = sitk.STAPLEImageFilter()
    filter_.SetForegroundValue(label)
    return sitk.GetArrayFromImage(filter_.Execute(sitk_images(masks))), filter_


def sitk_multilabel(masks, n_labels):
    """Label map and confusion matrices (R, L, L), run to convergence.

    At a threshold of 1e-9 (the default is 1e-5) its entries still creep away from a saddle point in about
    one problem of a thousand, and two voxels differ from what it answers at 1e-13.
    """
    filter_ = sitk.MultiLabelSTAPLEImageFilter()
    filter_.SetTerminationUpdateThreshold(1e-13)
    filter_.SetMaximumNumberOfIterations(5_000)
    filter_.SetLabelForUndecidedPixels(UNDECIDED)
    labels = sitk.GetArrayFromImage(filter_.Execute(sitk_images(masks)))
    present = 1 + max(int(mask.max()) for mask in masks.values())
    confusion = np.zeros((len(masks), n_labels, n_labels))
    for reader in range(len(masks)):
        # Its last row is for the label of undecided pixels, which no reader draws.
        matrix = np.reshape(filter_.GetConfusionMatrix(reader), (present + 1, present))
        confusion[reader, :present, :present] = matrix[:present]
    return labels, confusion


def log_likelihood(votes, confusion, prior):
    """The definition, term by term."""
    joint = np.tile(prior, (len(votes.counts), 1))
    for reader in range(len(votes.raters)):
        joint = joint * np.nan_to_num(confusion[reader])[votes.patterns[:, reader]]
    with np.errstate(divide="ignore"):
        return float(votes.counts @ np.log(joint.sum(axis=1)))


def has_notice(consensus, text):
    return any(text in notice for notice in consensus.notices)


# --- the reference ----------------------------------------------------------------------------------------


def test_binary_equals_itks_own_baseline(test_data):
    folder = test_data / "itk_staple"
    masks = {
        name: sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}-binary.png")))
        for name in ("STAPLE1", "STAPLE2")
    }
    foreground = int(max(mask.max() for mask in masks.values()))
    votes = count_votes(masks, (0, foreground))
    fit = binary_staple(votes, foreground)
    baseline = sitk.ReadImage(str(folder / "BasicFilters_STAPLEImageFilter_basic.nrrd"))
    assert np.allclose(
        paint(masks, votes, fit.probability), sitk.GetArrayFromImage(baseline), rtol=0, atol=1e-6
    )
    assert fit.sensitivity == pytest.approx([0.9118037177, 0.9686824437], abs=1e-6)
    assert fit.specificity == pytest.approx([0.9887039772, 0.9682860338], abs=1e-6)
    assert fit.iterations == 45


def test_binary_equals_simpleitk_on_200_random_problems():
    for seed in range(200):
        masks, labels = random_problem(seed)
        votes = count_votes(masks, labels)
        for label in labels[1:]:
            expected, filter_ = sitk_binary(masks, label)
            fit = binary_staple(votes, label)
            probability = paint(masks, votes, fit.probability)
            assert np.allclose(probability, expected, rtol=0, atol=1e-6), (seed, label)
            assert np.array_equal(probability > 0.5, expected > 0.5), (seed, label)
            assert np.allclose(fit.sensitivity, filter_.GetSensitivity(), rtol=0, atol=1e-6)
            assert np.allclose(fit.specificity, filter_.GetSpecificity(), rtol=0, atol=1e-6)
            assert fit.iterations == filter_.GetElapsedIterations()


@pytest.mark.slow
def test_multilabel_is_never_less_likely_than_simpleitk_and_equal_where_as_likely():
    compared = higher = 0
    for seed in range(200):
        masks, labels = random_problem(seed)
        votes = count_votes(masks, labels)
        ours = staple(votes)
        peer_labels, peer_confusion = sitk_multilabel(masks, len(labels))
        peer = log_likelihood(votes, peer_confusion, ours.prior)
        scale = abs(ours.log_likelihood)
        assert ours.log_likelihood == pytest.approx(log_likelihood(votes, ours.confusion, ours.prior))
        assert ours.log_likelihood >= peer - 1e-9 * scale, seed
        if ours.log_likelihood > peer + 1e-6 * scale:
            higher += 1
        else:
            assert np.array_equal(paint(masks, votes, ours.label), peer_labels), seed
            compared += 1
    assert compared > 120
    assert higher > 20


def test_readers_of_one_subject_and_the_flipped_one(test_data):
    masks = {
        f"seg_{k}": sitk.GetArrayFromImage(
            sitk.ReadImage(str(test_data / "stapler_three_readers" / "extdata" / f"seg_{k}.nii.gz"))
        ).astype(np.uint8)
        for k in (1, 2, 3)
    }
    # What SimpleITK says of the whole volume (SOURCE.md of the data).
    whole = staple(count_votes(masks, (0, 1)), rule="binary")
    assert whole.sensitivity[0] == pytest.approx([0.9315, 0.0962, 0.8499], abs=1e-4)

    # A part is enough for the peer, which takes a minute for all of it.
    marked = np.argwhere(np.any(list(masks.values()), axis=0))
    box = tuple(slice(low, high + 1) for low, high in zip(marked.min(0), marked.max(0), strict=True))
    masks = {rater: np.ascontiguousarray(mask[box][::2, ::2, ::2]) for rater, mask in masks.items()}
    votes = count_votes(masks, (0, 1))
    expected, _ = sitk_binary(masks, 1)
    binary = staple(votes, rule="binary")
    assert np.allclose(paint(masks, votes, binary.posterior[:, 1]), expected, rtol=0, atol=1e-6)
    assert np.array_equal(paint(masks, votes, binary.label), expected > 0.5)
    peer_labels, confusion = sitk_multilabel(masks, 2)
    multilabel = staple(votes)
    assert np.array_equal(paint(masks, votes, multilabel.label), peer_labels)
    assert multilabel.log_likelihood == pytest.approx(log_likelihood(votes, confusion, multilabel.prior))


@pytest.mark.parametrize("image", ["P03", "P07"])
def test_four_human_annotators(test_data, image):
    folder = test_data / "bubil_multiannotator" / "BU-BIL_Dataset2" / "ExpertsAnnotations" / "2A"
    masks = {}
    for person in range(1, 5):
        path = folder / f"Person{person}_ImageJ" / f"seg_{image}.png"
        drawn = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        masks[f"person{person}"] = (drawn[..., 0] < 128).astype(np.uint8)
    votes = count_votes(masks, (0, 1))
    expected, _ = sitk_binary(masks, 1)
    binary = staple(votes, rule="binary")
    assert np.allclose(paint(masks, votes, binary.posterior[:, 1]), expected, rtol=0, atol=1e-6)
    assert np.array_equal(paint(masks, votes, binary.label), expected > 0.5)
    peer_labels, _ = sitk_multilabel(masks, 2)
    assert np.array_equal(paint(masks, votes, staple(votes).label), peer_labels)


# --- edge cases -------------------------------------------------------------------------------------------


def table(rows, labels=(0, 1), raters=("a", "b", "c")):
    """Votes from {pattern: voxels}."""
    raters = raters[: len(next(iter(rows)))]
    masks = {
        rater: np.concatenate([np.full(n, pattern[k], np.uint8) for pattern, n in rows.items()])
        for k, rater in enumerate(raters)
    }
    return count_votes(masks, labels)


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_all_readers_empty_gives_an_empty_consensus_that_says_so(rule):
    consensus = staple(table({(0, 0, 0): 50}, (0, 1, 2)), rule=rule)
    assert consensus.label.tolist() == [0]
    assert consensus.posterior.tolist() == [[1, 0, 0]]
    assert has_notice(consensus, "the consensus is empty")
    assert np.isnan(consensus.sensitivity).all()
    assert (consensus.specificity == 1).all() or rule == "multilabel"
    assert consensus.converged and consensus.log_likelihood == 0


def test_all_readers_full():
    consensus = staple(table({(1, 1, 1): 50}), rule="binary")
    assert consensus.label.tolist() == [1]
    assert consensus.sensitivity.tolist() == [[1, 1, 1]]
    assert staple(table({(1, 1, 1): 50})).label.tolist() == [1]


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_one_reader_is_his_own_consensus(rule):
    votes = table({(0,): 50, (1,): 7, (2,): 1}, (0, 1, 2))
    consensus = staple(votes, rule=rule)
    assert np.array_equal(consensus.label, votes.values_of("a"))
    assert (consensus.sensitivity == 1).all() and (consensus.specificity == 1).all()
    assert has_notice(consensus, "one rater") == (rule == "multilabel")
    with pytest.raises(ValueError, match="rater 'a' alone"):
        leave_one_out(votes)


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_a_label_in_no_mask_is_never_given_and_leaves_the_others_alone(rule):
    rows = {(0, 0, 0): 300, (1, 1, 1): 40, (1, 1, 0): 9, (0, 1, 0): 6, (3, 3, 3): 20, (1, 3, 3): 5}
    declared = staple(table(rows, (0, 1, 2, 3)), rule=rule)
    without = staple(table(rows, (0, 1, 3)), rule=rule)
    assert np.array_equal(declared.label, without.label)
    assert np.allclose(declared.posterior[:, [0, 1, 3]], without.posterior)
    assert (declared.posterior[:, 2] == 0).all()
    assert np.isnan(declared.sensitivity[1]).all()
    assert has_notice(declared, "level 2 is in none of the masks that make the consensus")
    if rule == "multilabel":
        assert np.isnan(declared.confusion[:, :, 2]).all()
        assert declared.log_likelihood == pytest.approx(without.log_likelihood)


@pytest.mark.parametrize("rule", ["multilabel", "binary"])
def test_identical_readers(rule):
    votes = table({(0, 0, 0): 300, (1, 1, 1): 40, (2, 2, 2): 3}, (0, 1, 2))
    consensus = staple(votes, rule=rule)
    assert np.array_equal(consensus.label, votes.values_of("b"))
    assert np.allclose(consensus.sensitivity, 1) and np.allclose(consensus.specificity, 1)
    assert consensus.notices == ()


def test_two_readers_in_total_disagreement():
    votes = table({(0, 0): 300, (1, 0): 20, (0, 1): 20})
    binary = staple(votes, rule="binary")
    masks = {"a": np.repeat([0, 1, 0], (300, 20, 20)), "b": np.repeat([0, 0, 1], (300, 20, 20))}
    expected, _ = sitk_binary({rater: mask[None].astype(np.uint8) for rater, mask in masks.items()}, 1)
    assert np.allclose(paint(masks, votes, binary.posterior[:, 1]), expected[0], rtol=0, atol=1e-6)
    multilabel = staple(votes)
    assert np.isfinite(multilabel.posterior).all()
    assert has_notice(multilabel, "does not determine")


@pytest.mark.parametrize(("labels", "first"), [((0, 1, 2), 1), ((0, 2, 1), 2)])
def test_a_tie_goes_to_the_label_declared_first(labels, first):
    # Swapping labels 1 and 2 and readers a and b leaves these votes as they are.
    votes = table({(0, 0): 100, (1, 1): 10, (2, 2): 10, (1, 2): 4, (2, 1): 4}, labels)
    consensus = staple(votes)
    split = votes.values_of("a") != votes.values_of("b")
    assert consensus.label[split].tolist() == [first, first]
    assert has_notice(consensus, "8 voxels tied between labels")

    # Two readers say 1 and two say 2, each pair as often: both levels reach 0.95.
    pairs = {(1, 1, 2, 2), (2, 2, 1, 1), (1, 2, 1, 2), (2, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 2)}
    lone = {tuple(label * (k == reader) for k in range(4)) for label in (1, 2) for reader in range(4)}
    rows = {(0,) * 4: 200, (1,) * 4: 20, (2,) * 4: 20} | dict.fromkeys(pairs, 3) | dict.fromkeys(lone, 4)
    votes = table(rows, labels, ("a", "b", "c", "d"))
    consensus = staple(votes, rule="binary")
    assert {int(consensus.label[row]) for row, n in enumerate(votes.counts) if n == 3} == {first}
    assert has_notice(consensus, "18 voxels tied between labels")


def test_probability_one_half_is_not_taken():
    # As many foreground as background voxels, and readers alike: a lone vote is worth exactly 0.5.
    votes = table({(0, 0): 30, (1, 1): 30, (1, 0): 5, (0, 1): 5})
    consensus = staple(votes, rule="binary")
    lone = votes.patterns.sum(axis=1) == 1
    assert np.allclose(consensus.posterior[lone, 1], 0.5)
    assert (consensus.label[lone] == 0).all()
    assert has_notice(consensus, "10 voxels have a level at probability 0.5 exactly")


def test_a_search_cut_short_says_so():
    votes = count_votes(*random_problem(0))
    for rule in ("multilabel", "binary"):
        consensus = staple(votes, rule=rule, max_iterations=3)
        assert not consensus.converged
        assert has_notice(consensus, "not converged after 3 EM steps")


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="'median'"):
        staple(table({(0, 1): 3}), rule="median")
    with pytest.raises(ValueError, match="no voxel"):
        staple(count_votes({"a": np.zeros((0, 3), int)}, (0, 1)))
    with pytest.raises(ValueError, match="label 7"):
        binary_staple(table({(0, 1): 3}), 7)


# --- properties -------------------------------------------------------------------------------------------

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


# --- what is made of a consensus --------------------------------------------------------------------------


def test_leave_one_out_is_the_consensus_of_the_others_on_everyones_patterns():
    masks, labels = random_problem(4)
    votes = count_votes(masks, labels)
    for rater, consensus in leave_one_out(votes).items():
        others = {name: mask for name, mask in masks.items() if name != rater}
        assert consensus.raters == tuple(others)
        alone = count_votes(others, labels)
        expected = paint(others, alone, staple(alone).label)
        assert np.array_equal(paint(masks, votes, consensus.label_on(votes)), expected)


def test_decision_table_prints_the_consensus():
    votes = table({(0, 0, 0): 300, (1, 1, 1): 40, (1, 1, 0): 9, (0, 1, 0): 16})
    consensus = staple(votes)
    frame = decision_table(votes, consensus)
    assert list(frame.columns) == ["a", "b", "c", "voxels", "p0", "p1", "consensus"]
    assert frame["voxels"].tolist() == [300, 40, 16, 9]
    assert frame.loc[1, ["a", "b", "c", "consensus"]].tolist() == [1, 1, 1, 1]
    assert np.allclose(frame["p0"] + frame["p1"], 1)
