"""How a verb ends badly: what is printed on standard error, and the exit code.

::

    CliError
    ├── UsageError    the command line is wrong: the message, the usage line, where help is; code 125 or 1
    └── ExitCode      end with this code and print nothing (the exit code of a container)
"""

from __future__ import annotations

from corral.errors import CorralError


class CliError(CorralError):
    """``message`` is printed as it is; ``hint`` adds the pointer to the verb's help below it."""

    kind = "cli"

    def __init__(self, message: str, *, exit_code: int = 1, hint: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.hint = hint


class UsageError(CliError):
    """``usage`` adds the verb's usage line."""

    def __init__(self, message: str, *, exit_code: int = 125, usage: bool = True) -> None:
        super().__init__(message, exit_code=exit_code, hint=True)
        self.usage = usage


class ExitCode(CliError):
    def __init__(self, exit_code: int) -> None:
        super().__init__("", exit_code=exit_code)
