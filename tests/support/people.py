"""Five people who outlined ten cells (BU-BIL, image set 2A), and who of two is ahead by which way."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from evaluation.consensus.kinds import Region, Rule
from evaluation.consensus.rules import leave_one_out
from evaluation.consensus.votes import count_votes
from evaluation.measures.dice import score
from evaluation.scores.fair import score_fair

PEOPLE = tuple(f"person{number}" for number in range(1, 6))
_OBJECT = {"object": (1,)}


def people(test_data: Path) -> dict[str, dict[str, np.ndarray]]:
    """Image to each person's mask; the object is black on white."""
    folder = test_data / "bubil_multiannotator" / "BU-BIL_Dataset2" / "ExpertsAnnotations" / "2A"
    found: dict[str, dict[str, np.ndarray]] = {}
    for person in PEOPLE:
        for png in sorted((folder / f"{person.capitalize()}_ImageJ").glob("seg_P*.png")):
            pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(png))).min(axis=-1)
            found.setdefault(png.stem.removeprefix("seg_"), {})[person] = (pixels == 0).astype(np.uint8)
    return found


def fair_scores(
    exams: Mapping[str, Mapping[str, np.ndarray]],
    readers: Sequence[str],
    model: str,
    rule: Rule | None,
    region: Region = "volume",
) -> dict[str, np.ndarray]:
    """Each rater's Dice an exam against the others' consensuses; without a rule against each one's mask."""
    found: dict[str, list[float]] = {rater: [] for rater in (*readers, model)}
    for masks in exams.values():
        votes = count_votes({rater: masks[rater] for rater in found}, (0, 1))
        if rule:
            without = leave_one_out(votes.select(readers), rule=rule, region=region)
            table = score_fair(votes, without, _OBJECT)
            for rater in found:
                found[rater].append(float(table[table.rater == rater].dice.mean()))
            continue
        each = {one: score(votes, votes.values_of(one), _OBJECT).set_index("rater").dice for one in readers}
        for rater in found:
            found[rater].append(float(np.mean([each[one][rater] for one in readers if one != rater])))
    return {rater: np.array(values) for rater, values in found.items()}
