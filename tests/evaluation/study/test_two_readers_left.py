"""Three readers, and the two that are left without one: no name decides, and little is settled."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from evaluation import read_study
from evaluation.consensus.audited import WITHOUT
from evaluation.consensus.rules import staple
from evaluation.consensus.votes import count_votes
from evaluation.study import tables as t
from tests.support.masks import thresholded
from tests.support.people import fair_scores, people

LEVELS = {"level1": 1, "level2": 2, "level3": 3}
READERS = ["person1", "person2", "person3"]


def study(readers, model):
    return read_study(readers, {"net": model}, levels=LEVELS)


def test_swapping_two_readers_masks_swaps_their_rows_exactly():
    exams = [thresholded(["ann", "bo", "cy", "net"], seed=seed) for seed in range(3)]
    masks = {rater: [exam[rater] for exam in exams] for rater in exams[0]}
    model = masks.pop("net")
    once = study(masks, model)
    swapped = study({"ann": masks["bo"], "bo": masks["ann"], "cy": masks["cy"]}, model)
    names = {"ann": "bo", "bo": "ann"}
    for table in (t.FAIR_DICE, t.TABLE1_FAIR):
        one, two = once[table], swapped[table]
        two = two.replace({column: names for column in ("rater", "left_out") if column in two})
        keys = [column for column in ("way", "exam", "left_out", "level", "rater") if column in one]
        pd.testing.assert_frame_equal(
            one.sort_values(keys, ignore_index=True),
            two.sort_values(keys, ignore_index=True),
            check_exact=True,
        )
    assert not once[t.TABLE1_FAIR].equals(swapped[t.TABLE1_FAIR])


def test_no_consensus_of_two_readers_is_reported_as_determined():
    exam = thresholded(["ann", "bo", "cy", "net"])
    found = study({reader: [exam[reader]] for reader in ("ann", "bo", "cy")}, [exam["net"]])
    audits = found[t.CONSENSUS_AUDIT]
    two = audits[audits.kind == "two raters"]
    assert two.consensus.tolist() == [f"{WITHOUT}{reader}" for reader in ("ann", "bo", "cy")]
    told = [line for line in found.words(t.CONSENSUS_AUDIT) if "do not determine a consensus" in line]
    assert len(told) == 1 and "in 3 of 3 consensuses" in told[0]
    assert any("is of two, who do not determine one" in note for note in found.table1(fair=True).notes)


@pytest.fixture(scope="module")
def exams(test_data):
    return people(test_data)


def test_map_copies_no_one_of_two_people_where_multilabel_does(exams):
    """Of all 100 pairs on ten images multi-label copies 59, MAP none: here those of persons 1, 2 and 3.

    From 30 random starts a pair, 3,000 of 3,000 reach the highest posterior that starts alike reach, of any
    positive matrices as of diagonal-dominant ones; so do 1,200 of 1,200 of 60 pairs of phantom readers of
    three levels. MAP is then the intersection of the two masks, on all 100 pairs.
    """
    copies = dict.fromkeys(("multilabel", "map"), 0)
    for masks in list(exams.values())[:4]:
        for pair in combinations(READERS, 2):
            votes = count_votes({person: masks[person] for person in pair}, (0, 1))
            for rule in copies:
                label = staple(votes, rule=rule).label
                copies[rule] += any(np.array_equal(label, votes.values_of(person)) for person in pair)
            assert np.array_equal(label, votes.patterns.min(axis=1))
    assert copies["map"] == 0
    assert copies["multilabel"] > 4


def test_map_keeps_the_small_object_of_image_p05(exams):
    masks = exams["P05"]
    for pair in combinations(masks, 2):
        votes = count_votes({person: masks[person] for person in pair}, (0, 1))
        consensus = staple(votes, rule="map")
        agreed = votes.patterns.all(axis=1)
        assert consensus.label[agreed].all() and votes.counts[agreed].sum() > 2000


@pytest.mark.parametrize(
    ("rule", "region", "ahead"),
    [
        ("map", "volume", 0), ("binary", "volume", 0), ("majority", "volume", 0), ("ordinal", "volume", 0),
        ("median_lower", "volume", 0), ("multilabel", "volume", 5), ("map", "union", 10),
        ("median_upper", "volume", 10), (None, "volume", 10),
    ],
)  # fmt: skip
def test_which_of_two_people_is_ahead_depends_on_the_way(exams, rule, region, ahead):
    """In how many of ten images person 5, as a model beside persons 1 to 3, is ahead of person 1.

    Two masks leave their intersection or their union as a consensus: person 1 draws less than the others,
    and is ahead by the one and behind by the other. Without a rule: against each reader's mask.
    """
    found = fair_scores(exams, READERS, "person5", rule, region)
    assert int((found["person5"] > found["person1"]).sum()) == ahead
