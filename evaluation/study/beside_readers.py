"""Tables on models beside the readers without a consensus."""

from __future__ import annotations

from evaluation.comparison import interchangeability as beside
from evaluation.comparison import interchangeability_tables as printed
from evaluation.comparison.teachers import teachers_among
from evaluation.scores import alternative_annotator, interchangeability
from evaluation.statistics.words import plural
from evaluation.study import lineage
from evaluation.study.results import Declared, Results
from evaluation.table import Table


def interchangeability_table(found: Results) -> Table:
    """The models' agreement with the readers beside the readers' own."""
    return printed.interchangeability_table(
        found[INTERCHANGEABILITY],
        title=f"Interchangeability: agreement with the readers, {plural(len(found.exams), 'exam')}",
        notes=lineage.notes(found),
    )


def _in_places(found: Results) -> Table:
    title = f"The models in each reader's place, {plural(len(found.exams), 'exam')}"
    rows = found[INTERCHANGEABILITY_BY_READER]
    return printed.places_table(rows, title=title, notes=lineage.notes(found))


def _annotator(found: Results) -> Table:
    title = f"The alternative annotator test, {plural(len(found.exams), 'exam')}"
    return printed.annotator_table(found[ALTERNATIVE_ANNOTATOR], title=title, notes=lineage.notes(found))


def _interchangeable(found: Results) -> list[str]:
    rows, places = found[INTERCHANGEABILITY], found[INTERCHANGEABILITY_BY_READER]
    taught = found.design.taught_by
    teachers = {model: teachers_among(names, found.readers) for model, names in taught.items()}
    return [*beside.in_short(rows), *beside.sentences(rows, places, teachers), *lineage.notes(found)]


INTERCHANGEABILITY = Declared(
    "interchangeability",
    "every model's agreement with the readers beside theirs with each other, without a consensus",
    interchangeability.COLUMNS, interchangeability_table, _interchangeable, "interchangeability_in_words",
)  # fmt: skip
INTERCHANGEABILITY_BY_READER = Declared(
    "interchangeability_by_reader", "every model in each reader's place, against the other readers",
    interchangeability.READER_COLUMNS, _in_places,
)  # fmt: skip
ALTERNATIVE_ANNOTATOR = Declared(
    "alternative_annotator", "the alternative annotator test: winning rate and advantage",
    alternative_annotator.COLUMNS, _annotator,
)  # fmt: skip
