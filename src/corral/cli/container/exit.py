"""Exit codes as docker's command line computes them."""

from __future__ import annotations

import json

from corral.cli.errors import CliError
from corral.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.api import Api
    from corral.client.http import Response
    from corral.client.wire import WaitResult

NOT_FOUND, NOT_RUNNABLE, FAILED = 127, 126, 125
_NOT_FOUND_WORDS = ("executable file not found", "no such file or directory", "system cannot find the file specified")
_NOT_RUNNABLE_WORDS = ("permission denied", "is a directory")


def failed_to_run(error: ClientError) -> CliError:
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
    result: WaitResult = json.loads(api.finish(answer) or b"{}")
    failure = result.get("Error")
    if failure and failure.get("Message"):
        raise CliError(f"Error waiting for container: {failure.get('Message')}", exit_code=FAILED)
    return result.get("StatusCode", FAILED)
