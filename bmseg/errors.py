"""The two ways a command ends badly, and their exit codes."""


class InputError(ValueError):
    """What the user gave is wrong (exit code 2). The message is one line: file, field, found, expected."""


class FieldError(InputError):
    """What the user gave for a field is wrong; on the command line the field is the option of that name."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(field, what)
        self.field, self.what = field, what

    @property
    def option(self) -> str:
        """The message as commands have it."""
        return f"--{self.field.replace('_', '-')}: {self.what}"

    def __str__(self) -> str:
        """The message as the library has it."""
        return f"{self.field}: {self.what}"


class WorkError(RuntimeError):
    """The input was right and the work failed all the same (exit code 1)."""
