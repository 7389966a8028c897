"""How results are put in place: records, provenance, what was made from what."""
