"""Masks read and checked: grids, labels, knees, displaced masks, the metaphysis."""
