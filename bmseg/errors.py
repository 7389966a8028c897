"""The two ways a command ends badly, and their exit codes."""


class InputError(ValueError):
    """What the user gave is wrong (exit code 2). The message is one line: file, field, found, expected."""


class WorkError(RuntimeError):
    """The input was right and the work failed all the same (exit code 1)."""
