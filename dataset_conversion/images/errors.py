"""The error of a file or table that breaks a rule."""


class ConversionError(ValueError):
    """An input file or table breaks a rule; the message is one line that names it."""
