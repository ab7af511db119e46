"""``--change``: Dockerfile instructions applied to an image's configuration.

One function per instruction, from the configuration and the instruction's arguments to the new configuration; errors in
Docker's words. Only instructions that change nothing but the configuration are accepted.
"""

from __future__ import annotations

import json
import posixpath
import re
import signal
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from corral.errors import Invalid
from corral.image import words
from corral.oci.image import ContainerConfig, Healthcheck

_SHELL: Final = ("/bin/sh", "-c")
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_PORT: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.IGNORECASE)

Instruction = Callable[[ContainerConfig, str], ContainerConfig]


def apply(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """Raises Invalid."""
    has_cmd = False
    for line in changes:
        if not line.strip():
            raise Invalid("file with no instructions")
        name, _, arguments = line.strip().partition(" ")
        instruction = _INSTRUCTIONS.get(name.upper())
        if instruction is None:
            raise Invalid(f"{name.upper()} is not a valid change command")
        arguments = arguments.strip()
        if not arguments and name.upper() not in ("CMD", "ENTRYPOINT"):
            raise Invalid(f"{name.upper()} requires {_ARITY.get(name.upper(), 'at least one argument')}")
        config = instruction(config, arguments)
        has_cmd = has_cmd or name.upper() == "CMD"
        if name.upper() == "ENTRYPOINT" and not has_cmd:
            config = msgspec.structs.replace(config, cmd=None)
    return config


def variables(config: ContainerConfig) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in config.env or ())


def json_words(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if all(isinstance(word, str) for word in value) else None


def _command(config: ContainerConfig, arguments: str) -> list[str]:
    """The exec form when it is a JSON list of strings, else the shell form."""
    parsed = json_words(arguments)
    return parsed if parsed is not None else [*(config.shell or _SHELL), *([arguments] if arguments else [])]


def _cmd(config: ContainerConfig, arguments: str) -> ContainerConfig:
    return msgspec.structs.replace(config, cmd=_command(config, arguments))


def _entrypoint(config: ContainerConfig, arguments: str) -> ContainerConfig:
    entrypoint = _command(config, arguments) if arguments else None
    return msgspec.structs.replace(config, entrypoint=entrypoint or None)


def _pairs(name: str, config: ContainerConfig, arguments: str) -> list[tuple[str, str]]:
    known = variables(config)
    parts = words.split(arguments)
    if "=" not in parts[0]:
        key, _, value = arguments.partition(" ")
        if not value.strip():
            raise Invalid(f"{name} must have two arguments")
        return [(words.expand(key, known), words.expand(value.strip(), known))]
    pairs = []
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise Invalid(f"Syntax error - can't find = in {json.dumps(part)}. Must be of the form: name=value")
        key = words.expand(key, known)
        if not key:
            raise Invalid(f"{name} names can not be blank")
        pairs.append((key, words.expand(value, known)))
    return pairs


def _env(config: ContainerConfig, arguments: str) -> ContainerConfig:
    values = variables(config) | dict(_pairs("ENV", config, arguments))
    return msgspec.structs.replace(config, env=[f"{name}={value}" for name, value in values.items()])


def _label(config: ContainerConfig, arguments: str) -> ContainerConfig:
    labels = (config.labels or {}) | dict(_pairs("LABEL", config, arguments))
    return msgspec.structs.replace(config, labels=labels)


def _expose(config: ContainerConfig, arguments: str) -> ContainerConfig:
    ports = dict(config.exposed_ports or {})
    for word in words.split(arguments):
        ports |= {port: {} for port in expand_ports(words.expand(word, variables(config)))}
    return msgspec.structs.replace(config, exposed_ports=dict(sorted(ports.items())))


def expand_ports(text: str) -> list[str]:
    """``80`` -> 80/tcp; ``8000-8001/udp`` -> 8000/udp, 8001/udp. Raises Invalid."""
    match = _PORT.fullmatch(text)
    if match is None:
        raise Invalid(f"Invalid containerPort: {text}")
    first = int(match[1])
    last = int(match[2] or first)
    if not 0 < first <= last <= 65535:
        raise Invalid(f"Invalid containerPort: {text}")
    return [f"{port}/{(match[3] or 'tcp').lower()}" for port in range(first, last + 1)]


def _user(config: ContainerConfig, arguments: str) -> ContainerConfig:
    return msgspec.structs.replace(config, user=words.expand(arguments, variables(config)))


def _volume(config: ContainerConfig, arguments: str) -> ContainerConfig:
    volumes = dict(config.volumes or {})
    parsed = json_words(arguments)
    for word in parsed if parsed is not None else words.split(arguments):
        path = words.expand(word, variables(config)).strip()
        if not path:
            raise Invalid("VOLUME specified can not be an empty string")
        volumes[path] = {}
    return msgspec.structs.replace(config, volumes=volumes)


def _workdir(config: ContainerConfig, arguments: str) -> ContainerConfig:
    path = words.expand(arguments, variables(config))
    joined = posixpath.normpath(posixpath.join("/", config.working_dir, path))
    return msgspec.structs.replace(config, working_dir="/" + joined.lstrip("/"))


def _stop_signal(config: ContainerConfig, arguments: str) -> ContainerConfig:
    parts = words.split(arguments)
    if len(parts) != 1:
        raise Invalid("STOPSIGNAL requires exactly one argument")
    name = words.expand(parts[0], variables(config))
    known = name.upper().removeprefix("SIG")
    if not (name.isdigit() and 0 < int(name) <= 64) and f"SIG{known}" not in signal.Signals.__members__:
        raise Invalid(f"invalid signal: {name}")
    return msgspec.structs.replace(config, stop_signal=name)


def _on_build(config: ContainerConfig, arguments: str) -> ContainerConfig:
    trigger = arguments.partition(" ")[0].upper()
    if trigger == "ONBUILD":
        raise Invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise Invalid(f"{trigger} isn't allowed as an ONBUILD trigger")
    return msgspec.structs.replace(config, on_build=[*(config.on_build or ()), arguments])


def _healthcheck(config: ContainerConfig, arguments: str) -> ContainerConfig:
    options: dict[str, int] = {}
    while arguments.startswith("--"):
        flag, _, arguments = arguments.partition(" ")
        arguments = arguments.strip()
        name, _, value = flag[2:].partition("=")
        field = _HEALTH_OPTIONS.get(name)
        if field is None:
            raise Invalid(f"unknown flag: --{name}")
        if field == "retries":
            if not value.isdigit():
                raise Invalid(f'strconv.ParseInt: parsing "{value}": invalid syntax')
            options[field] = int(value)
        else:
            options[field] = parse_duration(value)
            if 0 < options[field] < 1_000_000:
                raise Invalid(f'Interval "{name}" cannot be less than 1ms')
    kind, _, command = arguments.partition(" ")
    command = command.strip()
    if kind.upper() == "NONE":
        if command:
            raise Invalid("HEALTHCHECK NONE takes no arguments")
        return msgspec.structs.replace(config, healthcheck=Healthcheck(test=["NONE"]))
    if kind.upper() != "CMD":
        raise Invalid(f"Unknown type {json.dumps(kind.upper())} in HEALTHCHECK (try CMD)")
    if not command:
        raise Invalid("Missing command after HEALTHCHECK CMD")
    parsed = json_words(command)
    test = ["CMD", *parsed] if parsed is not None else ["CMD-SHELL", command]
    return msgspec.structs.replace(config, healthcheck=Healthcheck(test=test, **options))


def parse_duration(text: str) -> int:
    """Nanoseconds of Go's notation, such as 1m30s. Raises Invalid."""
    matches = list(_DURATION.finditer(text))
    if not matches or "".join(match[0] for match in matches) != text:
        fault = "missing unit in" if re.fullmatch(r"[\d.]*\d", text) else "invalid"
        raise Invalid(f"time: {fault} duration {json.dumps(text)}")
    return int(sum(float(match[1]) * _UNITS[match[2]] for match in matches))


_HEALTH_OPTIONS: Final = {
    "interval": "interval",
    "timeout": "timeout",
    "start-period": "start_period",
    "start-interval": "start_interval",
    "retries": "retries",
}
_ARITY: Final = {
    "USER": "exactly one argument",
    "WORKDIR": "exactly one argument",
    "STOPSIGNAL": "exactly one argument",
}
_INSTRUCTIONS: Final[dict[str, Instruction]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
