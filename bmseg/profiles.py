"""How much work a run does: ``quick`` for two CPU cores and minutes, ``full`` for one GPU."""
