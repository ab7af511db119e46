"""API versions: which we answer, and what a client with another one is told."""

from __future__ import annotations

from typing import Final

from corral.errors import Invalid

__all__ = ["MAXIMUM", "MINIMUM", "ApiVersion", "negotiate", "parse_version", "show_version"]

ApiVersion = tuple[int, int]

MINIMUM: Final[ApiVersion] = (1, 24)
MAXIMUM: Final[ApiVersion] = (1, 51)


def show_version(version: ApiVersion) -> str:
    return f"{version[0]}.{version[1]}"


def parse_version(text: str) -> ApiVersion | None:
    """ "1.51" -> (1, 51); None if it is not a version."""
    major, dot, minor = text.partition(".")
    if dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit() and len(text) < 12:
        return int(major), int(minor)
    return None


def negotiate(version: ApiVersion) -> ApiVersion:
    """The version of a request's path, if we speak it. Raises Invalid in Docker's words, which clients parse."""
    if version < MINIMUM:
        raise Invalid(
            f"client version {show_version(version)} is too old. Minimum supported API version is "
            f"{show_version(MINIMUM)}, please upgrade your client to a newer version"
        )
    if version > MAXIMUM:
        raise Invalid(
            f"client version {show_version(version)} is too new. "
            f"Maximum supported API version is {show_version(MAXIMUM)}"
        )
    return version
