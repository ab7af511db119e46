"""``corral-oci [GLOBAL FLAGS] VERB [FLAGS] [ARGUMENTS]``: from argv to an exit status.

Verbs that clone processes start over from a sealed interpreter (CVE-2019-5736) before anything else is imported; but
``run`` looks at its container first, see ``interpreter``.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # under -SI the path has the standard library only
    sys.path.insert(0, os.path.abspath(f"{__file__}/../../../.."))

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long as all that the first of two interpreters does
    from collections.abc import Sequence
    from typing import NoReturn

    from corral.runtime.command.context import Context

__all__ = ["VERBS", "main"]

VERBS = {
    "checkpoint": "not built",
    "create": "create a container",
    "delete": "delete what is left of a container",
    "events": "what a container uses, and that it ran out of memory",
    "exec": "run one more process in a container",
    "features": "what this runtime can do",
    "kill": "send a signal to a container's first process",
    "list": "list containers",
    "pause": "stop all processes of a container where they are",
    "ps": "list the processes of a container",
    "restore": "not built",
    "resume": "let the processes of a paused container go on",
    "run": "create and start a container",
    "spec": "write an example config.json",
    "start": "run the program of a created container",
    "state": "print the state of a container",
    "update": "change the limits of a container",
}
_NOT_BUILT = ("checkpoint", "restore")
_CLONING = ("create", "exec", "run")
_SEALED = ("create", "exec")
_FAILURE = 1


def main() -> NoReturn:
    """The console script. Leaves without the interpreter's clean-up, which takes 3 ms."""
    import gc

    from corral.runtime.command import bytecode, slim

    gc.disable()  # what a command leaves behind is gone with it
    slim.install()
    store = bytecode.install()
    _fill_standard_descriptors()
    arguments = sys.argv[1:]
    if os.geteuid() == 0 and any(word in _SEALED for word in arguments):  # if it is no verb, it was for nothing
        from corral.runtime.command.interpreter import enter_sealed

        try:
            enter_sealed()
        except OSError as error:
            os.write(2, f"the interpreter cannot be sealed: {error}\n".encode(errors="replace"))
            os._exit(_FAILURE)
    status = _run(arguments)
    try:
        sys.stdout.flush()
    except OSError:
        status = status or _FAILURE
    store.keep()
    os._exit(status)


def _run(arguments: Sequence[str]) -> int:
    from corral.errors import CorralError, Invalid
    from corral.runtime.command.arguments import parse
    from corral.runtime.command.context import FLAGS, Context

    try:
        options = parse(FLAGS, arguments, mixed=False)
        context = Context(options)
    except Invalid as error:
        os.write(2, f"{error}\n".encode(errors="replace"))
        return _FAILURE
    try:
        if options.bool("version"):
            from corral import __version__
            from corral.oci.runtime import OCI_VERSION

            print(f"corral-oci version {__version__}\nspec: {OCI_VERSION}")
            return 0
        if options.bool("help") or not options.rest or options.rest[0] == "help":
            print(_usage(), end="")
            return 0
        return _verb(context, options.rest[0], options.rest[1:])
    except CorralError as error:
        context.error(error.message)
    except OSError as error:
        context.error(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
    except KeyboardInterrupt:
        context.error("interrupted")
    except Exception as error:  # a fault of ours: a caller that reads one line is told of it in one line
        context.error(f"internal error: {type(error).__name__}: {error}")
    return _FAILURE


def _verb(context: Context, name: str, arguments: Sequence[str]) -> int:
    from corral.errors import Invalid, Unsupported
    from corral.runtime.command.arguments import help_text, parse

    if name not in VERBS:
        raise Invalid(f"no help topic for '{name}'")
    if name in _NOT_BUILT:
        raise Unsupported(f"{name} is not built: containers cannot be checkpointed")
    if name in _CLONING and os.geteuid() != 0:
        raise Unsupported(f"{name} needs root, of the host or of a user namespace: rootless mode is not built")
    module = __import__(f"corral.runtime.command.{name}", fromlist=("run",))
    asked = [word for word in arguments[:1] if word in ("--help", "-h")]
    if asked:
        print(f"usage: corral-oci {name} {module.USAGE}\n\n{VERBS[name]}\n\n{help_text(module.FLAGS)}", end="")
        return 0
    options = parse(module.FLAGS, arguments, mixed=name not in ("exec", "ps"))
    status: int = module.run(context, options)
    return status


def _usage() -> str:
    from corral.runtime.command.arguments import help_text
    from corral.runtime.command.context import FLAGS

    verbs = "".join(f"   {name:12}{what}\n" for name, what in VERBS.items())
    return f"usage: corral-oci [global flags] verb [flags] [arguments]\n\n{verbs}\n{help_text(FLAGS)}"


def _fill_standard_descriptors() -> None:
    """Closed ones would be given to the next file that is opened, and the container would get it."""
    while True:
        fd = os.open(os.devnull, os.O_RDWR)
        if fd > 2:
            os.close(fd)
            return


if __name__ == "__main__":
    main()
