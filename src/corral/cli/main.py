"""From argv to an exit code: global flags, the verb, its module, and every error turned into what a user may read."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from corral import __version__
from corral.cli.command import Command
from corral.cli.errors import CliError, UsageError
from corral.cli.flags import Flag, HelpWanted, Options, parse
from corral.cli.kinds import BOOL, LIST, STRING
from corral.cli.output import die_of_pipe, error_line
from corral.cli.session import Session
from corral.cli.verbs import GROUPS, VERBS, Group, Verb
from corral.errors import CorralError

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal", "panic", "trace", "warning")

GLOBAL_FLAGS = (
    Flag("config", "", STRING, "Location of client config files (default ~/.docker)"),
    Flag("context", "c", STRING, "Only \"default\": daemons are named by -H, CORRAL_HOST or DOCKER_HOST"),
    Flag("debug", "D", BOOL, "Enable debug mode"),
    Flag("host", "H", LIST, "Daemon socket to connect to"),
    Flag(
        "log-level", "l", STRING, 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
        default="info", shown='"info"',
    ),
    Flag("tls", "", BOOL, "Use TLS; implied by --tlsverify"),
    Flag("tlscacert", "", STRING, "Trust certs signed only by this CA (default ~/.docker/ca.pem)"),
    Flag("tlscert", "", STRING, "Path to TLS certificate file (default ~/.docker/cert.pem)"),
    Flag("tlskey", "", STRING, "Path to TLS key file (default ~/.docker/key.pem)"),
    Flag("tlsverify", "", BOOL, "Use TLS and verify the remote"),
    Flag("version", "v", BOOL, "Print version information and quit"),
)  # fmt: skip

INTERRUPTED = 130


def entry() -> None:
    """The console script. Leaves without the interpreter's clean-up: nothing is left to clean, and it takes 3 ms."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_standard_descriptors()
    os._exit(main(sys.argv[1:]))


def _fill_standard_descriptors() -> None:
    """Closed ones would be given to the next socket, and output be written into it."""
    while os.open(os.devnull, os.O_RDWR) <= 2:
        pass


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Prints, never raises."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        die_of_pipe()
        return 128 + signal.SIGPIPE
    except CorralError as error:
        error_line(str(error))
        return 1
    except OSError as error:
        error_line(f"corral: {f'{error.filename}: ' if error.filename else ''}{(error.strerror or str(error)).lower()}")
        return 1
    except Exception as error:  # the last resort: whatever happens, one line and no traceback
        return _internal(error, "-D" in arguments or "--debug" in arguments)


def _internal(error: Exception, debug: bool) -> int:
    if debug:
        import traceback

        error_line("".join(traceback.format_exception(error)).rstrip())
    else:
        error_line(f"corral: internal error: {type(error).__name__}: {error} (run with -D for details)")
    return 1


def _run(arguments: Sequence[str]) -> int:
    try:
        options, rest = parse(GLOBAL_FLAGS, arguments, interspersed=False)
    except HelpWanted:
        return _program_help()
    except UsageError as error:
        error_line(f"{error}\n\nUsage:  corral [OPTIONS] COMMAND [ARG...]\n\nRun 'corral --help' for more information")
        return error.exit_code
    if options.switch("version"):
        os.write(1, f"corral version {__version__}\n".encode())
        return 0
    if not rest:
        return _program_help()
    _check(options)
    session = Session(options)
    wanted_help = rest[0] == "help"
    words = rest[1:] if wanted_help else rest
    if not words:
        return _program_help()
    try:
        return _dispatch(session, words, wanted_help)
    finally:
        session.out.flush()


def _check(options: Options) -> None:
    level = options.text("log-level")
    if level not in LOG_LEVELS:
        raise CliError(f"Unable to parse logging level: {level}")
    context = options.text("context") or os.environ.get("DOCKER_CONTEXT", "")
    if context not in ("", "default"):
        raise CliError(
            f'Failed to initialize: context "{context}": corral has no contexts; name the daemon with -H or CORRAL_HOST'
        )


def _dispatch(session: Session, words: Sequence[str], wanted_help: bool) -> int:
    name, *args = words
    group = GROUPS.get(name)
    if group is None:
        verb = VERBS.get(name)
        if verb is None:
            error_line(f"corral: unknown command: corral {name}\n\nRun 'corral --help' for more information")
            return 1
        return _verb(session, f"corral {name}", verb, args, wanted_help)
    full = f"corral {name}"
    if not args or args[0] in ("--help", "-h", "help"):
        return _group_help(session, full, group)
    found = group.find(args[0])
    if found is not None:
        return _verb(session, f"{full} {found[0]}", found[1], args[1:], wanted_help)
    if args[0].startswith("-"):
        shown = (
            f"unknown flag: {args[0]}"
            if args[0].startswith("--")
            else f"unknown shorthand flag: '{args[0][1:2]}' in {args[0]}"
        )
        error_line(f"{shown}\n\nUsage:  {full} COMMAND\n\nRun '{full} --help' for more information")
        return 125
    error_line(
        f"corral: unknown command: {full} {args[0]}\n\nUsage:  {full}\n\nRun '{full} --help' for more information"
    )
    return 1


def _verb(session: Session, name: str, verb: Verb, args: Sequence[str], wanted_help: bool) -> int:
    command: Command = import_module(f"corral.cli.{verb.module}").COMMAND
    session.command = name
    try:
        if wanted_help:
            raise HelpWanted
        given = ["--", *args] if command.passes_flags and args[:1] != ["--help"] else args
        options, rest = parse(command.flags, given, interspersed=command.interspersed)
        for note in options.notes:
            error_line(note)
        wrong = command.miscounted(len(rest))
        if wrong is None:
            return command.run(session, options, rest)
        from corral.cli.help import usage_line

        see = "See" if "at least" in wrong else "Run"
        error_line(
            f"corral: '{name}' {wrong}\n\n{usage_line(name, command)}\n\n{see} '{name} --help' for more information"
        )
        return 1
    except HelpWanted as wanted:
        return _verb_help(session, name, verb, command, wanted)
    except CliError as error:
        session.out.flush()
        _explain(name, command, error)
        return error.exit_code


def _explain(name: str, command: Command, error: CliError) -> None:
    text = error.message
    if isinstance(error, UsageError) and error.usage:
        from corral.cli.help import usage_line

        text += f"\n\n{usage_line(name, command)}"
    if error.hint:
        text += f"\n\nRun '{name} --help' for more information"
    if text:
        error_line(text)


def _verb_help(session: Session, name: str, verb: Verb, command: Command, wanted: HelpWanted) -> int:
    from corral.cli.help import terminal_width, verb_help

    for note in wanted.notes:
        error_line(note)
    session.out.write(verb_help(name, verb, command, terminal_width()))
    return 0


def _group_help(session: Session, name: str, group: Group) -> int:
    from corral.cli.help import group_help

    session.out.write(group_help(name, group))
    return 0


def _program_help() -> int:
    from corral.cli.help import program_help, terminal_width
    from corral.cli.output import write_all

    write_all(1, program_help(GLOBAL_FLAGS, terminal_width()).encode())
    return 0


if __name__ == "__main__":
    entry()
