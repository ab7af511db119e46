"""Why a container or an exec could not be set up, in the words that Docker's users know."""

from __future__ import annotations

import os
from typing import Final

NOT_FOUND: Final = 127
NOT_EXECUTABLE: Final = 126
OTHER: Final = 125


class SetupError(Exception):
    """``message`` goes to the user as it is; ``exit_code`` is what ``docker run`` ends with: 125, 126 or 127."""

    def __init__(self, message: str, exit_code: int = OTHER) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def words(error: OSError) -> str:
    """The errno in words, lower case ("no such file or directory")."""
    return os.strerror(error.errno or 0).lower()


def described(doing: str, error: OSError) -> SetupError:
    """``DOING: WORDS``."""
    return SetupError(f"{doing}: {words(error)}")
