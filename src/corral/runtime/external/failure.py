"""What a user is told when a runtime fails: the words that Docker has around the runtime's own."""

from __future__ import annotations

from corral.runtime.driver import StartError
from corral.runtime.external.command import Result
from corral.runtime.init.failure import exit_code_of


def of_create(result: Result) -> StartError:
    return _failure("failed to create shim task: OCI runtime create failed: ", result.message)


def of_start(result: Result) -> StartError:
    return _failure("OCI runtime start failed: ", result.message)


def of_exec(result: Result) -> StartError:
    """runc says itself what the engine puts before every such message."""
    return _failure("", result.message.removeprefix("exec failed: unable to start container process: "))


def _failure(prefix: str, message: str) -> StartError:
    return StartError(prefix + message, exit_code_of(message.lower()))
