"""Iterative segmentation: a model pre-draws masks, a reader corrects them, and they train the next model.

`rounds` knows what lies where and what was accepted. `start` begins; `propose` makes a round, with `choose`
and what lies `for_reader`; `accept` takes `masks` back and measures `corrections`; `status` sums rounds up.
"""
