"""docs/registry.md speaks of options that exist."""

from __future__ import annotations

import re
from pathlib import Path

from corral.cli.registry import gc, htpasswd, serve
from corral.registry.auth.rules import parse_rules

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "registry.md").read_text()


def test_every_option_that_is_named_is_there() -> None:
    known = {flag.name for command in (serve.COMMAND, gc.COMMAND, htpasswd.COMMAND) for flag in command.flags}
    assert set(re.findall(r"--([a-z][a-z-]+)", TEXT)) - {"help"} <= known


def test_the_example_of_rules_is_one() -> None:
    (example,) = re.findall(r"```\n(group dev .*?)```", TEXT, re.DOTALL)
    rules = parse_rules(example, "docs")
    assert rules.actions("alice", "team/app") == {"pull", "push"}
    assert rules.actions("", "public/app") == {"pull"}
    assert rules.actions("eve", "home/eve/app") == {"pull", "push", "delete"}
