"""Build a reading room on disk: the readers' page, and its key apart from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bmseg.errors import InputError
from bmseg.outputs import Output, provenance, read_record
from bmseg.reading_room.page import Page, Room, ShownExam, build_page
from bmseg.reading_room.records import OVERALL, ExamFacts, Key, draw_order
from bmseg.reading_room.shown import Shown
from bmseg.study import Study
from dataset_conversion.images import STORAGE_ORDER

#: What readers get, and what the organiser keeps.
PAGE_FILE, KEY_FILE = "for_readers/reading_room.html", "key.json"

_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))


def build(
    study: Study,
    study_file: Path,
    shown: Shown,
    out: Path,
    *,
    seed: int,
    step: Callable[[], object] = lambda: None,
) -> bool:
    """Write the page for readers and the key; False when they were there, made from the same inputs.

    `PAGE_FILE`, `KEY_FILE` and provenance.json go below `out`; the seed is that of the order; `step` is
    called once an exam, and once at the end. An InputError
    when the study has no visual analogue scale, an image is damaged, or `out` holds the key of another
    page, which scores that were given on it need; a MaskError when a mask is damaged, has other labels or
    is not on its image's grid.
    """
    room = _room(study, study_file, shown)
    inputs = {
        "seed": seed,
        "study": provenance.file_hash(study_file),
        "images": provenance.files_hash(shown.images),
        "masks": _masks_hashes(shown),
        "ages": dict(sorted(shown.ages.items())),
        "consensus_rule": shown.rule,
    }
    output = Output(out, "reading room")
    if output.made_from(inputs):
        return False
    places = draw_order(list(shown.images), list(shown.masks), seed)
    facts: dict[str, ExamFacts] = {}

    def read(exam: str) -> ShownExam:
        found = shown.read(study, exam)
        facts[exam] = ExamFacts(slices=found.image.shape[2], age=shown.ages.get(exam))
        step()
        return found

    with output.replaced(inputs) as made:
        page = build_page(room, places, read)
        _check_key(out / KEY_FILE, page)
        exams = dict(sorted(facts.items()))
        key = Key(build=page.build, seed=seed, items=room.items, exams=exams, rule=shown.rule, masks=places)
        _write_private(made.folder / KEY_FILE, key.model_dump_json(indent=1) + "\n")
        made.write(PAGE_FILE, page.html)
        made.facts["build"] = page.build
        now = provenance.files_hash(shown.images), _masks_hashes(shown)
        provenance.refuse_changed(out, (inputs["images"], inputs["masks"]), now)
        step()
    return True


def _masks_hashes(shown: Shown) -> dict[str, str]:
    return {origin: provenance.files_hash(files) for origin, files in sorted(shown.masks.items())}


def _room(study: Study, study_file: Path, shown: Shown) -> Room:
    if study.vas is None:
        raise InputError(f"{study_file}: vas.acceptable_below: found none, expected a score in cm, as 5.0")
    if OVERALL in study.level_names:
        raise InputError(
            f"{study_file}: levels.name: found '{OVERALL}', expected another name: it stands for the "
            "score of the whole mask"
        )
    if len(shown.masks) < 2:
        raise InputError("model: found no model, expected at least one; predict first, or name its masks")
    right = STORAGE_ORDER[study.plane][0]
    return Room(study.levels, study.vas.anchors, (_OPPOSITE[right], right), shown.synthetic)


def _check_key(key_file: Path, page: Page) -> None:
    """Refuse to write over the key of another page: without it, scores given there are worth nothing."""
    earlier = read_record(key_file).get("build")
    if key_file.exists() and earlier != page.build:
        raise InputError(
            f"{key_file}: found the key of another page ({str(earlier)[:12]}), expected none: scores that "
            "were given on it need it; move the folder away, or build elsewhere with -o"
        )


def _write_private(path: Path, text: str) -> None:
    """Write for the owner alone: on a shared disk a reader would stumble over it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
