"""A study file written for somebody: every key with what it means, and what was assumed."""

from __future__ import annotations

import colorsys
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bmseg.study.meanings import MEANINGS
from dataset_conversion.images import Plane

# Paul Tol's bright scheme (personal.sr.ru.nl/~tol, not opened), without its grey.
_COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
_GOLDEN = 0.618034


@dataclass(frozen=True)
class Draft:
    """What a study file is to say."""

    name: str
    title: str
    readers: Sequence[str]
    #: Name to value in masks, in rising order.
    levels: Mapping[str, int]
    ordinal: bool
    plane: Plane
    #: Empty where what fits the scale will do.
    measures: Sequence[str] = ()
    #: Why these measures.
    why_measures: str = ""
    #: Whether readers may lack exams.
    incomplete: bool = False
    #: Names of an exam's images, and who of the readers teaches: of a study that trains.
    channels: Sequence[str] = ()
    training_reader: str = ""
    #: Lines at its head.
    comments: Sequence[str] = field(default_factory=tuple)


def study_text(draft: Draft) -> str:
    """The study file of a draft, as TOML.

    Examples
    --------
    >>> text = study_text(Draft("organs", "Organs", ["anna"], {"liver": 1}, False, "axial"))
    >>> 'name = "liver"' in text
    True
    """
    scale = "ordinal" if draft.ordinal else "nominal"
    parts = [
        *(f"# {line}" for line in draft.comments),
        f"name = {_text(draft.name)}",
        f"title = {_text(draft.title)}",
        f'plane = "{draft.plane}"  # {MEANINGS["plane"]}: coronal | axial | sagittal',
        f'scale = "{scale}"  # {MEANINGS["scale"]}',
        *_training(draft),
        "",
        f"# {_sentence('levels')}",
    ]
    for place, (name, value) in enumerate(draft.levels.items()):
        color = color_of(place)
        title = [] if place else [f"# title = {_text(name)}  # {MEANINGS['levels.title']}"]
        parts += ["[[levels]]", f"value = {value}", f"name = {_text(name)}", *title, f'color = "{color}"', ""]
    parts += [f"# {_sentence('readers')}"]
    for reader in draft.readers:
        parts += ["[[readers]]", f"name = {_text(reader)}", ""]
    rules = ", ".join(["multilabel", "map", "binary", "majority", *(["ordinal"] if draft.ordinal else [])])
    parts += [
        f"# [[groups]]                  # {MEANINGS['groups']}",
        f"# levels = {list(draft.levels.values())[:2]}",
        '# name = "together"',
        "",
        f"[consensus]                   # {MEANINGS['consensus']}",
        f'rule = "map"                  # {rules}',
        "",
        f"[yardstick]                   # {MEANINGS['yardstick']}",
        'rule = "map"',
        "",
        "[scores]",
        f'empty_mask = "undefined"      # {MEANINGS["scores.empty_mask"]}: undefined | one | zero',
        *_measures(draft),
        "",
        *(
            ["[design]", f'incomplete = "allow"  # {MEANINGS["design.incomplete"]}', ""]
            if draft.incomplete
            else []
        ),
        "# [verdict]",
        f"# margin = 0.05               # {MEANINGS['verdict.margin']}",
        f"# primary = {json.dumps(list(draft.levels)[:1])}  # {MEANINGS['verdict.primary']}",
    ]
    return "\n".join(parts) + "\n"


def color_of(place: int) -> str:
    """A colour for the label at a place, counted from 0; unlike those before it.

    Examples
    --------
    >>> color_of(0), len({color_of(place) for place in range(100)})
    ('#4477aa', 100)
    """
    if place < len(_COLORS):
        return _COLORS[place]
    rgb = colorsys.hls_to_rgb(place * _GOLDEN % 1, (0.35, 0.5, 0.65)[place % 3], 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _training(draft: Draft) -> list[str]:
    number = "".join(character for character in draft.name if character.isalnum()) or "Study"
    teacher = _text(draft.training_reader or draft.readers[0])
    lines = [
        f"training_reader = {teacher}  # {MEANINGS['training_reader']}",
        "",
        f"[dataset]  # {MEANINGS['dataset']}",
        "id = 901",
        f"name = {_text(number)}",
        "",
        f"[training]  # {MEANINGS['training']}",
        f'masks = "reader"  # {MEANINGS["training.masks"]}',
        "",
    ]
    for channel in draft.channels or ["image"]:
        lines += [f"[[channels]]  # {MEANINGS['channels']}"]
        lines += [f"name = {_text(channel)}"]
    if draft.channels:
        return lines
    about = "# To convert exams and train on them, a study needs these too:"
    return [about, *(f"# {line}" if line else "#" for line in lines)]


def _measures(draft: Draft) -> list[str]:
    if draft.measures:
        why = [f"# {draft.why_measures}"] if draft.why_measures else []
        return [*why, f"measures = {json.dumps(list(draft.measures))}"]
    return [
        '# measures = ["dice", "nsd@readers", "hd95", "assd", "volume_difference"]  '
        f"# {MEANINGS['scores.measures']}",
    ]


def _sentence(key: str) -> str:
    meaning = MEANINGS[key]
    return f"{meaning[0].upper()}{meaning[1:]}."


def _text(value: str) -> str:
    """A basic string of TOML, which escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
