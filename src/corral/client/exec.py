"""/exec: further processes in a running container."""

from __future__ import annotations

from collections.abc import Mapping

from corral.client.query import query, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api, Hijacked
    from corral.client.wire import Created, ExecInspect
else:
    from corral.client.casting import cast


class Execs:
    """Create, start, look at. All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, container: str, request: Mapping[str, object]) -> str:
        """The new exec's id."""
        answer: Created = cast("Created", self._api.call("POST", f"/containers/{quote(container)}/exec", request))
        return answer.get("Id", "")

    def start_detached(self, exec_id: str, request: Mapping[str, object]) -> None:
        self._api.call("POST", f"/exec/{quote(exec_id)}/start", request)

    def start(self, exec_id: str, request: Mapping[str, object]) -> Hijacked:
        return self._api.hijack(f"/exec/{quote(exec_id)}/start", request)

    def inspect(self, exec_id: str) -> ExecInspect:
        return cast("ExecInspect", self._api.call("GET", f"/exec/{quote(exec_id)}/json"))

    def resize(self, exec_id: str, height: int, width: int) -> None:
        self._api.call("POST", f"/exec/{quote(exec_id)}/resize" + query(h=height, w=width))
