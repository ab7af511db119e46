"""corral logout: the account is forgotten here; the registry is not asked."""

from __future__ import annotations

from corral.cli.command import Command
from corral.cli.credentials.account import key_of
from corral.cli.credentials.keeper import Keeper
from corral.cli.flags import Options
from corral.cli.session import Session


def run(session: Session, _options: Options, args: list[str]) -> int:
    key = key_of(args[0] if args else "")
    session.out.line(f"Removing login credentials for {key}")
    session.out.flush()
    Keeper(session.config).erase(key)
    return 0


COMMAND = Command(run, arguments="[SERVER]", most=1)
