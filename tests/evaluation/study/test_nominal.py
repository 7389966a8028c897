"""A study of labels without an order: no word of levels, and what is computed fits labels."""

import re

import numpy as np
import pytest
from scipy import ndimage

import evaluation as ev
from evaluation.statistics.words import labels_for_levels
from evaluation.study import tables as t
from evaluation.study.drawing import draw

NAMES = ["heart", "left lung", "right lung", "liver", "spleen", "neck level", "chiasm", "larynx"]
#: Of ordinal scales alone.
ORDINAL = re.compile(r"\b(levels?|ordinal|rising|grades?|called lower|weights)\b", re.IGNORECASE)


def organs(rater: str, exam: int) -> np.ndarray:
    """Eight organs in a row; each rater draws their ends elsewhere, and one organ is missed by one."""
    rng = np.random.default_rng([exam, *map(ord, rater)])
    mask = np.zeros((8, 24, 6), np.uint8)
    for place in range(8):
        start, stop = 3 * place + rng.integers(0, 2), 3 * place + 3
        mask[1 : 6 + rng.integers(0, 3), start:stop, 1:5] = place + 1
    return ndimage.median_filter(mask, 2) if rater == "net" else mask


@pytest.fixture(scope="module")
def study():
    masks = {
        rater: {f"e{exam}": organs(rater, exam) for exam in range(3)}
        for rater in ("ann", "bo", "cy", "net", "other")
    }
    return ev.read_study(
        readers={name: masks[name] for name in ("ann", "bo", "cy")},
        models={name: masks[name] for name in ("net", "other")},
        levels={name: value for value, name in enumerate(NAMES, start=1)},
        ordered=False,
        rule="majority",
    )


def test_no_text_of_it_has_a_word_of_levels(study):
    texts = study.texts()
    said = {name: text for name, text in texts.items() if not name.endswith(".csv")}
    said |= {f"{name} row": text.partition("\n")[2] for name, text in texts.items() if name.endswith(".csv")}
    said |= {"agreement": str(study.agreement()), "compare": str(study.compare())}
    said |= {"models": str(study.compare_models()), "table1": str(study.table1(fair=True))}
    said |= {"first": " ".join(t.said_first(study))}
    said |= {exam: " ".join(map_.notices) for exam, map_ in study.consensus.items()}
    assert {"comparisons.md", "sensitivity.md", "agreement_kappa.md", "consensus_audit.md"} <= set(said)
    for name, text in said.items():
        found = ORDINAL.search(text.replace("neck level", "neck"))
        assert not found, f"{name}: {text[max(0, found.start() - 60) : found.end() + 40]}"
    # A name of the study that holds the word is kept.
    assert "neck level" in said["table1.md"]


def test_no_figure_of_it_has_a_word_of_levels(study):
    for name, figure in draw(study):
        said = " ".join(
            text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
        )
        assert not ORDINAL.search(" ".join(said.split()).replace("neck level", "neck")), name


def test_alpha_is_nominal_and_kappa_without_weights(study):
    assert set(study[t.AGREEMENT_KAPPA].weights) == {"none"}
    assert "nominal" in str(study.agreement())
    rules = set(study[t.SENSITIVITY].rule)
    assert rules == {"multilabel", "map", "binary", "majority"}


def test_words_are_put_and_names_are_kept():
    said = "Levels of level 2: over all levels, Level; sea-level, levelled, level_2"
    assert labels_for_levels(said, ["level 2", "sea-level"]) == (
        "Labels of level 2: over all labels, Label; sea-level, levelled, level_2"
    )
