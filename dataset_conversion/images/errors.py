"""The error of a file or table that breaks a rule."""


class ConversionError(ValueError):
    """An input file or table breaks a rule; the message is one line that names it."""


#: What is wrong with a file that another user keeps to himself: nothing is damaged.
DENIED = "permission denied, expected what may be read; allow it (chmod u+rX), or ask its owner"
