"""Exit codes as docker's command line computes them."""

from __future__ import annotations

import json

from corral.cli.errors import CliError
from corral.cli.patience import lost, patiently
from corral.client.containers import Containers
from corral.client.errors import ApiError, ClientError
from corral.errors import CorralError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.api import Api
    from corral.client.http import Response
    from corral.client.wire import WaitResult

NOT_FOUND, NOT_RUNNABLE, FAILED = 127, 126, 125
_NOT_FOUND_WORDS = ("executable file not found", "no such file or directory", "system cannot find the file specified")
_NOT_RUNNABLE_WORDS = ("permission denied", "is a directory")


def failed_to_run(error: CorralError) -> CliError:
    """An error of create or start within ``run``: 127, 126 or 125 by its text, and where help is."""
    text = str(error)
    code = FAILED
    if any(words in text for words in _NOT_FOUND_WORDS):
        code = NOT_FOUND
    elif any(words in text for words in _NOT_RUNNABLE_WORDS):
        code = NOT_RUNNABLE
    return CliError(f"corral: {text.rstrip()}", exit_code=code, hint=True)


def exit_code(api: Api, answer: Response) -> int:
    """The code in the answer to a wait, when it comes. Raises CliError, ClientError."""
    return _code(api.finish(answer))


def exit_code_across_restarts(api: Api, answer: Response, container_id: str) -> int:
    """The same, also when the daemon ends and comes back meanwhile.

    Raises CliError when the daemon stays away or has removed the container since.
    """
    try:
        return exit_code(api, answer)
    except (ClientError, OSError) as error:
        if not lost(error):
            raise
    containers = Containers(api)
    try:
        return patiently(lambda: exit_code(api, containers.begin_wait(container_id).head()))
    except ApiError as error:
        raise CliError(f"corral: the exit code is unknown: {error}", exit_code=FAILED) from None
    except (ClientError, OSError) as error:
        raise CliError(f"corral: error waiting for container: {error}", exit_code=FAILED) from None


def _code(body: bytes) -> int:
    result: WaitResult = json.loads(body or b"{}")
    failure = result.get("Error")
    if failure and failure.get("Message"):
        raise CliError(f"Error waiting for container: {failure.get('Message')}", exit_code=FAILED)
    return result.get("StatusCode", FAILED)
