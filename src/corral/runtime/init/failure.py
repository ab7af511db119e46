"""Why a container or an exec could not be set up, in the words that Docker's users know."""

from __future__ import annotations

import os
from typing import Final

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
OTHER: Final = 125


class SetupError(Exception):
    """``message`` goes to the user as it is; ``exit_code`` is what ``docker run`` ends with: 125, 126 or 127;
    ``early``: see ``driver.StartError``."""

    def __init__(self, message: str, exit_code: int | None = None, *, early: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.early = early
        self.exit_code = exit_code_of(message) if exit_code is None else exit_code


def exit_code_of(message: str) -> int:
    """Docker's client and daemon read it out of the text, whatever the step was that failed."""
    if "executable file not found" in message or "no such file or directory" in message:
        return NOT_FOUND
    if "permission denied" in message or "is a directory" in message:
        return NOT_EXECUTABLE
    return OTHER


def words(error: OSError) -> str:
    """The errno in words, lower case ("no such file or directory")."""
    return os.strerror(error.errno or 0).lower()


def reason(error: OSError) -> str:
    """Its text, which may say more than the errno, with the errno's words in lower case."""
    number = error.errno or 0
    return (error.strerror or "").replace(os.strerror(number), words(error)) or words(error)


def step(error: BaseException) -> str:
    """``MODULE.FUNCTION`` of the runtime that it was raised in, for an error that does not say what was being done."""
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        directory, _, module = code.co_filename.rpartition("/")
        if "/corral/runtime/" in directory:
            place = f"{module.removesuffix('.py')}.{code.co_name.strip('_')}"
        trace = trace.tb_next
    return place


def described(doing: str, error: OSError) -> SetupError:
    """``DOING: WORDS``."""
    return SetupError(f"{doing}: {words(error)}")
