"""What a user is told when a runtime fails: the words that Docker has around the runtime's own."""

from __future__ import annotations

from typing import Final

from corral.runtime.driver import StartError
from corral.runtime.external.command import Result
from corral.runtime.init.failure import NOT_EXECUTABLE, exit_code_of

_CRUNS_WORDS: Final = "exists but it is not executable"


def of_create(result: Result) -> StartError:
    return _failure("failed to create shim task: OCI runtime create failed: ", result.message)


def of_start(result: Result) -> StartError:
    return _failure("OCI runtime start failed: ", result.message)


def of_exec(result: Result) -> StartError:
    """runc says itself what the engine puts before every such message."""
    return _failure("", result.message.removeprefix("exec failed: unable to start container process: "))


def _failure(prefix: str, message: str) -> StartError:
    code = NOT_EXECUTABLE if _CRUNS_WORDS in message else exit_code_of(message.lower())
    return StartError(prefix + message, code)
