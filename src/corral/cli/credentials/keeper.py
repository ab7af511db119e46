"""Where the account of a registry is kept: the helper of that registry, the one for all, or the file."""

from __future__ import annotations

from corral.cli.config import Config
from corral.cli.credentials.account import Account, hostname
from corral.cli.credentials.config_file import ConfigFile


class Keeper:
    """``key`` is what `account.key_of` made. All raise CliError."""

    __slots__ = ("_config", "file")

    def __init__(self, config: Config) -> None:
        self._config = config
        self.file = ConfigFile(config.directory)

    def helper(self, key: str) -> str:
        """The name of the program that has it, "" for the file itself."""
        return self._config.mapping("credHelpers").get(key) or self._config.text("credsStore")

    def get(self, key: str) -> Account:
        name = self.helper(key)
        if name:
            from corral.cli.credentials.helper import Helper

            found = Helper(name).get(key)
            if found:
                return found
        return self.file.get(key)

    def put(self, key: str, account: Account) -> bool:
        """Whether a secret was written to the file, where anybody may read it who may read the file."""
        name = self.helper(key)
        if name:
            from corral.cli.credentials.helper import Helper

            Helper(name).put(key, account)
        return self.file.put(key, account, secret=not name) and not name

    def erase(self, key: str) -> None:
        keys = [key, hostname(key), f"http://{hostname(key)}", f"https://{hostname(key)}"]
        name = self.helper(key)
        if name:
            from corral.cli.credentials.helper import Helper

            Helper(name).erase(key)
        self.file.erase(keys)
