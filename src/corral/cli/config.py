"""The client's configuration file, ``config.json``, shared with docker: formats, detach keys, who keeps accounts."""

from __future__ import annotations

import json
import os

from corral.cli.output import error_line


def default_directory() -> str:
    """CORRAL_CONFIG, else DOCKER_CONFIG, else ~/.docker: what was set up for docker applies here too."""
    environment = os.environ
    chosen = environment.get("CORRAL_CONFIG") or environment.get("DOCKER_CONFIG")
    return chosen or os.path.join(os.path.expanduser("~"), ".docker")


class Config:
    """String settings of ``config.json``: psFormat, imagesFormat, networksFormat, volumesFormat, detachKeys, ..."""

    __slots__ = ("_values", "directory")

    def __init__(self, directory: str, values: dict[str, object]) -> None:
        self.directory = directory
        self._values = values

    @classmethod
    def load(cls, directory: str) -> Config:
        """A missing file is empty; one that cannot be read is empty too, with a warning."""
        path = os.path.join(directory, "config.json")
        try:
            with open(path, "rb") as file:
                values = json.load(file)
        except FileNotFoundError:
            return cls(directory, {})
        except (OSError, ValueError) as error:
            error_line(f"WARNING: Error loading config file: {path}: {error}")
            return cls(directory, {})
        return cls(directory, values if isinstance(values, dict) else {})

    def text(self, name: str) -> str:
        value = self._values.get(name, "")
        return value if isinstance(value, str) else ""

    def mapping(self, name: str) -> dict[str, str]:
        """An object of strings: credHelpers."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            return {}
        return {key: item for key, item in value.items() if isinstance(item, str)}

    @property
    def has_accounts(self) -> bool:
        """Whether there can be an account for any registry."""
        return any(self._values.get(name) for name in ("auths", "credsStore", "credHelpers"))
