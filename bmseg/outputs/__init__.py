"""How results are put in place: records, provenance, locks, and folders that know what they were made from.

`Output` is the one way: ``output.made_from(inputs)`` says whether a folder holds the unchanged results of
the same inputs; ``with output.replaced(inputs) as made:`` makes them anew below ``made.folder`` and swaps
them in whole, with a record, under a lock, removing what followed from the earlier ones; ``with
output.resumed(inputs):`` is for work that grows in place and goes on where it stopped. `locked` keeps other
processes from anything else.
"""

from bmseg.outputs.locks import locked
from bmseg.outputs.output import PROVENANCE, Output, Staged
from bmseg.outputs.provenance import read_record, write_record

__all__ = ["PROVENANCE", "Output", "Staged", "locked", "read_record", "write_record"]
