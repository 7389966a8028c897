"""The reading room: one page on which readers score masks without knowing whose they are.

`build_page` makes the page from images and masks in an order that `draw_order` draws; the page gives a
`ScoresFile`; `unblind` joins it with the `Key`.
"""

from bmseg.reading_room.order import Place, draw_order
from bmseg.reading_room.page import Page, Room, RoomLevel, ShownExam, build_page
from bmseg.reading_room.records import OVERALL, REFERENCE, Key, KeyMask, ScoresFile
from bmseg.reading_room.unblinding import Unblinded, UnblindingError, unblind

__all__ = [
    "OVERALL",
    "REFERENCE",
    "Key",
    "KeyMask",
    "Page",
    "Place",
    "Room",
    "RoomLevel",
    "ScoresFile",
    "ShownExam",
    "Unblinded",
    "UnblindingError",
    "build_page",
    "draw_order",
    "unblind",
]
