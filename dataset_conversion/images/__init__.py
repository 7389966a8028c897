"""The ground room: a volume, its grid, reading and writing."""
