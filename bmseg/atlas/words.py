"""What an atlas says of itself: how it is used, whose masks, how knees were chosen, what is measured."""

from __future__ import annotations

import math

import numpy as np

from bmseg.atlas.choice import SHOWN_MM2
from bmseg.atlas.contents import Atlas
from bmseg.atlas.pictures import close_up_frame
from bmseg.atlas.signal import SIGNAL_WORDS
from bmseg.study import Level
from evaluation.figures.display import WINDOW_WORDS
from evaluation.statistics.words import plural

#: What to do with the pages on a screen.
LOOK_FIRST = (
    "Look at the image, decide what you would mark, then look at the mask: masks can be hidden until you ask "
    "for each."
)
_SIDES = {
    "R": "right", "L": "left", "A": "front", "P": "back", "S": "upper side", "I": "lower side",
}  # fmt: skip
#: Which slice the pages by age show.
BY_AGE = "Youngest first; the slice that shows most levels, and of those the one with most marked."


def first_words(atlas: Atlas) -> dict[str, list[str]]:
    """Heading to paragraphs of the first page; the levels are explained after the first part."""
    reader = atlas.exams.study.shown(atlas.exams.dataset.spec.training_reader)
    unit = atlas.unit
    channel = f" Channel shown: {atlas.exams.channel}." if len(atlas.exams.dataset.spec.channels) > 1 else ""
    windows = "; ".join(f"{name}: {WINDOW_WORDS[name]}" for name in atlas.knees[0].windows)
    return {
        "How to use it": [
            "Before you draw masks, go through the levels one by one: faintest, typical and brightest "
            "example, each without and with the mask. Ask of each picture what you would have marked, then "
            "look at the mask.",
            "What looks bright depends on the window. The windows' pages show the same spots in several: "
            "choose the one that you will read with, and keep to it.",
            f"The pages by age show every {unit} from the youngest to the oldest: what is ordinary changes "
            "with age. Come back to the atlas between sessions.",
        ],
        "Whose masks": [
            f"The masks are those of {reader}, whose masks train the model: they are what readers are "
            "calibrated to, and no truth. No test exam is shown: readers are not scored on exams that they "
            "were shown."
            + (
                f" In {plural(atlas.unsure, 'exam')} {reader} was unsure of some voxels: they are shown, and "
                "measured, as unmarked."
                if atlas.unsure
                else ""
            ),
        ],
        f"How the {unit}s were chosen": [" ".join(chosen_words(atlas))],
        "What is measured": [SIGNAL_WORDS],
        "Windows": [
            f"By percentiles of the exam's tissue, so that scanners look alike. {windows}.{channel}",
        ],
    }


def sides_words(atlas: Atlas) -> str:
    """What the letters at the edges of pictures mean."""
    left, right = atlas.knees[0].sides
    if not left:
        return ""
    return f"{left} and {right}: the patient's {_SIDES[left]} and {_SIDES[right]}."


def chosen_words(atlas: Atlas) -> list[str]:
    """How the knees, or exams, were chosen, and what was left out; sentences."""
    unit, options = atlas.unit, atlas.options
    exams = len({one.exam for one in atlas.candidates})
    whole = len({one.exam for one in atlas.chosen if not one.side})
    words = []
    if options.exams:
        both = " by name, both knees of each" if unit == "knee" else " by name"
        words.append(f"{plural(exams, 'training exam')} chosen{both}.")
    else:
        chosen = len(atlas.chosen)
        of = f"{plural(len(atlas.candidates), unit)} of " if unit == "knee" else ""
        words.append(f"{chosen} of {of}{plural(exams, 'training exam')}. {_bands(atlas)}")
        words.append(
            f"From each, the {unit} that shows most levels was taken, rare levels first; the seed "
            f"{options.seed} decided among equals. So all levels are seen more often here than in the cohort."
        )
        if len(atlas.chosen) < options.number:
            words.append(f"{options.number} were asked for, {len(atlas.chosen)} are there.")
        if left_out := len(atlas.exams.left_out):
            words.append(f"Not chosen from: {plural(left_out, 'exam')} of patients with a test exam.")
        if of_others := len(atlas.exams.of_others):
            reader = atlas.exams.dataset.spec.training_reader
            words.append(f"Not chosen from: {plural(of_others, 'training exam')} that {reader} did not draw.")
        if unmarked := sum(not one.is_marked for one in atlas.candidates):
            words.append(f"Not chosen from: {plural(unmarked, unit)} without any marking.")
    if unit == "knee" and whole:
        words.append(f"Shown whole, because no gap between two knees was found: {plural(whole, 'exam')}.")
    unknown = sum(math.isnan(one.age) for one in atlas.chosen)
    if 0 < unknown < len(atlas.chosen):
        words.append(f"Age unknown: {plural(unknown, unit)}; they come last.")
    return words


def level_words(atlas: Atlas, level: Level) -> str:
    """What stands above a level's pictures: its description, how many show it, what is special."""
    own = atlas.of_level(level)
    examples = atlas.examples(level)
    description = f"{level.description[:1].upper()}{level.description[1:]}. " if level.description else ""
    if not own:
        return f"{description}Nobody marked it in the {atlas.unit}s of this atlas: it has no example here."
    words = f"{description}Marked in {len(own)} of {plural(len(atlas.knees), atlas.unit)}."
    if undefined := sum(math.isnan(one.signal) for one in own):
        words += f" Relative signal undefined in {undefined}: no tissue around."
    small = sum(one.area < SHOWN_MM2 for one in own)
    if examples and all(example.measured.area < SHOWN_MM2 for example in examples):
        words += f" No slice holds {SHOWN_MM2:g} mm\u00b2 of it: the examples are smaller."
    elif small:
        words += f" Not used as examples: {small} with less than {SHOWN_MM2:g} mm\u00b2 in a slice."
    return words


def scale_words(atlas: Atlas) -> str:
    """The scale of the pictures and the window of those that name none."""
    frame = atlas.frame
    return f"Every picture is {frame.width:.0f} x {frame.height:.0f} mm; window: standard."


def close_words(atlas: Atlas) -> str:
    """The scale of close-ups."""
    close = close_up_frame(atlas.frame)
    return f"{close.width:.0f} x {close.height:.0f} mm"


def chart_words(atlas: Atlas) -> str:
    """What stands above the chart of the signal."""
    return f"A point is a level in one {atlas.unit}, its number beside it. {SIGNAL_WORDS}"


def signal_words(atlas: Atlas, level: Level) -> str:
    """A level's median and range over the knees, and how many have it."""
    own = [one.signal for one in atlas.of_level(level)]
    signals = [signal for signal in own if not math.isnan(signal)]
    words = f"marked in {len(own)} of {len(atlas.knees)}"
    if undefined := len(own) - len(signals):
        words += f", undefined in {undefined}"
    if signals:
        words = f"median {np.median(signals):.2f}, {min(signals):.2f} to {max(signals):.2f}; {words}"
    return words


def _bands(atlas: Atlas) -> str:
    """What the chosen ones were spread over."""
    chosen = len(atlas.chosen)
    if all(math.isnan(one.age) for one in atlas.candidates):
        return f"No age is known: in order of their names they were cut into {chosen} groups of equal number."
    return (
        f"The years from the youngest to the oldest were cut into {chosen} bands of equal width (an empty "
        "band gave its place to the fullest one)."
    )
