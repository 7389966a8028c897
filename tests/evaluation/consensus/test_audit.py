"""What an audit finds in a consensus, counted by hand; and what the exam, its table and its picture say."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from dataset_conversion.images import Volume
from evaluation import read_study
from evaluation.consensus.audit import Finding, audit, concerned, is_monotone, overruled_voxels, told
from evaluation.consensus.audited import AUDIT, STUDY, WITHOUT, YARDSTICK, audit_words, audited
from evaluation.consensus.result import consensus_of
from evaluation.consensus.rules import staple
from evaluation.consensus.squarem import Start
from evaluation.consensus.votes import count_votes
from evaluation.study import Design, score_exam
from evaluation.study import tables as t
from evaluation.study.drawing import audit_figure
from tests.support.masks import AFFINE, thresholded
from tests.support.staple_problems import table

LABELS = (0, 1, 2, 3)
LEVELS = {"level1": 1, "level2": 2, "level3": 3}


def decided(rows, decisions, labels=LABELS, raters=("a", "b", "c", "d")):
    """A consensus by hand: pattern to voxels, and pattern to place among the labels."""
    votes = table(rows, labels, raters)
    index = np.array([decisions[tuple(pattern)] for pattern in votes.patterns.tolist()])
    posterior = np.eye(len(labels))[index]
    kept = Start("by hand", 0.0, 0, True)
    return consensus_of("majority", votes, index, posterior, kept=kept, starts=(), notices=[])


def kinds(consensus, **how):
    return {finding.kind: finding for finding in audit(consensus, **how)}


def test_unanimous_votes_overruled_are_counted_by_level():
    rows = {(0, 0, 0): 500, (1, 1, 1): 60, (2, 2, 2): 30, (1, 1, 2): 9, (3, 3, 3): 5}
    consensus = decided(rows, {(0, 0, 0): 0, (1, 1, 1): 2, (2, 2, 2): 2, (1, 1, 2): 1, (3, 3, 3): 2})
    found = [finding for finding in audit(consensus) if finding.kind == "overruled"]
    assert [(one.level, one.voxels, one.of) for one in found] == [(1, 60, 60), (3, 5, 5)]
    assert found[0].words == "60 of 60 voxels that all raters call level 1 became level 2"
    named = audit(consensus, names={1: "oedema"})[0].words
    assert named == "60 of 60 voxels that all raters call oedema became level 2"
    assert overruled_voxels(consensus) == (65, 95)
    seen = consensus.votes.patterns[concerned(consensus, found[0])]
    assert seen.tolist() == [[1, 1, 1]]


def test_voxels_that_nobody_marked_and_the_consensus_does_are_overruled_too():
    consensus = decided({(0, 0, 0): 40, (1, 1, 1): 9}, {(0, 0, 0): 1, (1, 1, 1): 1}, (0, 1))
    assert (
        kinds(consensus)["overruled"].words
        == "40 of 40 voxels that all raters call background became level 1"
    )
    assert overruled_voxels(consensus) == (0, 9)


def test_a_higher_vote_that_gets_a_lower_level():
    rows = {(0, 0, 0): 90, (1, 1, 1): 20, (1, 1, 2): 7, (1, 2, 2): 3, (2, 2, 2): 8}
    by = {(0, 0, 0): 0, (1, 1, 1): 2, (1, 1, 2): 1, (1, 2, 2): 2, (2, 2, 2): 2}
    consensus = decided(rows, by)
    assert not is_monotone(consensus)
    finding = kinds(consensus)["not monotone"]
    assert (finding.voxels, finding.of) == (7, 38)
    assert finding.words == (
        "7 of 38 marked voxels got a lower level than voxels with lower votes: "
        "(1, 1, 2) became 1, (1, 1, 1) became 2"
    )
    # Labels without an order have no higher vote.
    assert "not monotone" not in kinds(consensus, ordered=False)
    assert is_monotone(decided(rows, by | {(1, 1, 1): 1}))


def test_a_level_that_rests_on_one_reader():
    rows = {(0, 0, 0): 900, (1, 1, 0): 30, (0, 3, 0): 19, (0, 3, 3): 1, (2, 0, 0): 4}
    by = {(0, 0, 0): 0, (1, 1, 0): 1, (0, 3, 0): 3, (0, 3, 3): 3, (2, 0, 0): 0}
    found = [one for one in audit(decided(rows, by)) if one.kind == "one rater"]
    assert [(one.level, one.voxels, one.of, one.readers) for one in found] == [(3, 19, 20, ("b",))]
    assert found[0].words == "19 of 20 voxels of level 3 rest on b alone"
    alone = {(0, 0, 0): 900, (1, 1, 0): 30, (0, 3, 0): 377}
    told_of = kinds(decided(alone, {(0, 0, 0): 0, (1, 1, 0): 1, (0, 3, 0): 3}))["one rater"]
    assert told_of.words == "377 of 377 voxels of level 3 rest on b alone; no other rater drew level 3"
    # Of levels a vote for a higher one supports a lower one; of labels it does not.
    rows = {(0, 0, 0): 900, (2, 3, 0): 30, (3, 3, 3): 9}
    mixed = decided(rows, {(0, 0, 0): 0, (2, 3, 0): 2, (3, 3, 3): 3})
    assert "one rater" not in kinds(mixed)
    assert kinds(mixed, ordered=False)["one rater"].readers == ("a",)


def test_two_raters_are_never_reported_as_determined():
    votes = table({(0, 0): 90, (1, 1): 20, (1, 0): 6, (0, 1): 4})
    for rule in ("multilabel", "map", "binary", "ordinal", "majority"):
        finding = kinds(staple(votes, rule=rule))["two raters"]
        assert (finding.voxels, finding.of) == (10, 30), rule
        assert finding.words.startswith("two raters do not determine a consensus: on 10 of 30 marked voxels")
    assert "two raters" not in kinds(staple(table({(0, 0): 90, (1, 1): 20})))


def test_searches_cut_short_and_several_answers_are_said_once():
    consensus = staple(count_votes(thresholded(["a", "b"]), LABELS))
    finding = kinds(consensus)["undetermined"]
    assert finding.voxels == consensus.undetermined > 0
    said = told(consensus, audit(consensus))
    assert sum("the likelihood does not determine" in line for line in said) == 1
    rows = {(0, 0, 0): 300, (1, 1, 0): 20, (0, 1, 1): 20, (1, 1, 1): 9, (2, 1, 1): 8, (2, 2, 1): 7}
    for rule in ("multilabel", "binary", "ordinal", "map"):
        cut = staple(table(rows, (0, 1, 2)), rule=rule, max_iterations=3)
        assert kinds(cut)["not converged"].words in told(cut, audit(cut)), rule
        said = told(cut, audit(cut))
        assert len(set(said)) == len(said)


def test_a_rater_who_calls_a_level_by_another_name():
    rows = {(0, 0, 0): 900, (1, 1, 0): 30, (1, 1, 1): 20, (2, 2, 1): 10}
    by = {(0, 0, 0): 0, (1, 1, 0): 1, (1, 1, 1): 1, (2, 2, 1): 2}
    found = [one for one in audit(decided(rows, by)) if one.kind == "not diagonal"]
    assert [(one.level, one.readers, one.voxels, one.of) for one in found] == [
        (1, ("c",), 30, 50), (2, ("c",), 10, 10),
    ]  # fmt: skip
    assert found[0].words == "what is level 1 is more often called otherwise by c (background 0.60)"
    assert told(decided(rows, by), found) == []


def test_one_rater_alone_has_nothing_to_audit():
    assert audit(staple(table({(0,): 30, (1,): 4}))) == ()


# --- the exam, its table, its picture ---------------------------------------------------------------------


def test_a_table_and_sentences_pool_exams():
    rows = {(0, 0, 0): 500, (1, 1, 1): 60, (2, 2, 2): 30}
    bad = decided(rows, {(0, 0, 0): 0, (1, 1, 1): 2, (2, 2, 2): 2})
    good = decided(rows, {(0, 0, 0): 0, (1, 1, 1): 1, (2, 2, 2): 2})
    names = {0: "background", **{value: name for name, value in LEVELS.items()}}
    findings = {
        "one": {
            STUDY: audit(bad, names=names),
            YARDSTICK: audit(good),
            f"{WITHOUT}a": audit(bad, names=names),
        },
        "two": {STUDY: audit(good), YARDSTICK: audit(good), f"{WITHOUT}a": audit(good)},
    }
    rules = {STUDY: "multilabel", YARDSTICK: "map", f"{WITHOUT}a": "map"}
    found = audited(findings, rules, names)
    assert list(found.columns) == AUDIT
    overruled_only = found[found.kind == "overruled"]
    assert overruled_only.consensus.tolist() == [STUDY, "without a"]
    assert overruled_only[["exam", "level", "voxels", "of"]].iloc[0].tolist() == ["one", "level1", 60, 60]
    numbers = {STUDY: 2, YARDSTICK: 2, WITHOUT: 2}
    words = audit_words(overruled_only, numbers, dict.fromkeys(numbers, "some rule"))
    assert words == [
        "The study's consensus (some rule): unanimous votes overruled, in 1 of 2 exams: "
        "60 of 60 voxels of level1 in one.",
        "The yardstick (some rule): nothing found in any of 2 exams.",
        "Consensuses without one reader (some rule): unanimous votes overruled, in 1 of 2 consensuses: "
        "60 of 60 voxels of level1 in one without a.",
    ]


def one_readers_level():
    """Level 3 is one reader's alone where the others say level 1; multi-label STAPLE, and MAP, take it."""
    masks = thresholded(["ann", "bo", "cy", "di"], shape=(24, 20, 6))
    masks = {reader: np.minimum(mask, 2) for reader, mask in masks.items()}
    for reader in ("ann", "bo", "cy", "di"):
        masks[reader][2:6, 2:6, 3] = 1
    masks["bo"][2:6, 2:6, 3] = 3
    return masks


def test_an_exam_warns_of_both_consensuses_and_shows_the_worst():
    masks = one_readers_level()
    design = Design(levels=LEVELS, rule="multilabel", yardstick="multilabel")
    placed = {reader: Volume(mask, AFFINE) for reader, mask in masks.items()}
    scored, painted = score_exam(design, "one", placed, list(masks))
    taken = int((painted["consensus"][2:6, 2:6, 3] == 3).sum())
    assert taken == 16
    words = "16 of 16 voxels of level3 rest on bo alone; no other rater drew level3"
    assert words in scored.warnings
    assert len(set(scored.warnings)) == len(scored.warnings)
    assert list(scored.audits) == [STUDY, *(f"{WITHOUT}{reader}" for reader in masks)]
    picture = scored.picture
    assert picture.finding.words == words
    assert list(picture.masks) == [*masks, "consensus"]
    assert picture.where.sum() == 4
    assert {name: int((mask == 3).sum()) for name, mask in picture.masks.items()} == {
        "ann": 0, "bo": 4, "cy": 0, "di": 0, "consensus": 4,
    }  # fmt: skip
    figure = audit_figure(design, "one", picture)
    assert [axes.get_title() for axes in figure.axes] == [*masks, "Consensus"]
    heading, rule = figure.get_suptitle().split("\n")
    assert heading == f"one, slice {picture.slice}: {words}"
    assert rule == "Consensus: multi-label STAPLE over the whole volume"


def test_a_study_prints_its_audits():
    study = read_study(
        {reader: [mask] for reader, mask in one_readers_level().items()}, levels=LEVELS, yardstick="majority"
    )
    found = study[t.CONSENSUS_AUDIT]
    assert set(found.consensus) <= {STUDY, YARDSTICK, *(f"{WITHOUT}{reader}" for reader in study.readers)}
    assert study.words(t.CONSENSUS_AUDIT)[0] == (
        "The study's consensus (multi-label STAPLE over the whole volume): a level that rests on one reader "
        "alone, in 1 of 1 exam: 16 of 16 voxels of level3 in exam1."
    )
    printed = study.printed(t.CONSENSUS_AUDIT)
    assert ["level3", "1 of 1", "16 of 16", "exam1: 16 of 16"] in [list(row[2:]) for row in printed.rows]
    back = t.CONSENSUS_AUDIT.read(StringIO(found.to_csv(index=False)))
    pd.testing.assert_frame_equal(back, found, check_dtype=False)


def test_only_some_findings_are_of_patterns() -> None:
    consensus = staple(count_votes({"a": np.array([0, 1]), "b": np.array([0, 1])}, [0, 1]), rule="majority")
    with pytest.raises(ValueError, match="finding 'lowered': expected 'overruled' or 'one rater'"):
        concerned(consensus, Finding("lowered", None, 1, 2, (), ""))
