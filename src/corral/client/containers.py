"""/containers: everything that is done to a container but running further processes in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from corral.client.errors import ApiError, ProtocolError
from corral.client.query import filters as encode_filters
from corral.client.query import query, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api, Hijacked, Pending
    from corral.client.http import Response
    from corral.client.query import Filters
    from corral.client.wire import ContainerInspect, ContainerSummary, Created, FileChange, PathStat, Pruned, Stats, Top
else:
    from corral.client.casting import cast


class Containers:
    """Operations on containers. ``ref`` is a name, an id or a prefix of one. All raise ApiError and ConnectionFailed.

    Methods named ``begin_*`` send the request and return; their answers are collected later, so that one thread keeps
    many containers busy at once.
    """

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(
        self, *, all: bool = False, limit: int | None = None, size: bool = False, filters: Filters | None = None
    ) -> list[ContainerSummary]:
        target = "/containers/json" + query(all=all, limit=limit, size=size, filters=encode_filters(filters))
        return cast("list[ContainerSummary]", self._api.call("GET", target))

    def create(self, request: Mapping[str, object], *, name: str | None = None, platform: str | None = None) -> Created:
        target = "/containers/create" + query(name=name, platform=platform)
        return cast("Created", self._api.call("POST", target, request))

    def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        return cast("ContainerInspect", self._api.call("GET", _path(ref, "json") + query(size=size)))

    def inspect_raw(self, ref: str, *, size: bool = False) -> bytes:
        return self._api.raw(_path(ref, "json") + query(size=size))

    def start(self, ref: str, *, detach_keys: str | None = None) -> None:
        self.begin_start(ref, detach_keys=detach_keys).finish()

    def begin_start(self, ref: str, *, detach_keys: str | None = None) -> Pending:
        return self._api.begin("POST", _path(ref, "start") + query(detachKeys=detach_keys))

    def stop(self, ref: str, *, timeout: int | None = None, signal: str | None = None) -> None:
        self.begin_stop(ref, timeout=timeout, signal=signal).finish()

    def begin_stop(self, ref: str, *, timeout: int | None = None, signal: str | None = None) -> Pending:
        return self._api.begin("POST", _path(ref, "stop") + query(t=timeout, signal=signal))

    def begin_restart(self, ref: str, *, timeout: int | None = None, signal: str | None = None) -> Pending:
        return self._api.begin("POST", _path(ref, "restart") + query(t=timeout, signal=signal))

    def restart(self, ref: str, *, timeout: int | None = None, signal: str | None = None) -> None:
        self.begin_restart(ref, timeout=timeout, signal=signal).finish()

    def kill(self, ref: str, *, signal: str | None = None) -> None:
        self.begin_kill(ref, signal=signal).finish()

    def begin_kill(self, ref: str, *, signal: str | None = None) -> Pending:
        return self._api.begin("POST", _path(ref, "kill") + query(signal=signal))

    def pause(self, ref: str) -> None:
        self.begin_pause(ref).finish()

    def begin_pause(self, ref: str) -> Pending:
        return self._api.begin("POST", _path(ref, "pause"))

    def unpause(self, ref: str) -> None:
        self.begin_unpause(ref).finish()

    def begin_unpause(self, ref: str) -> Pending:
        return self._api.begin("POST", _path(ref, "unpause"))

    def rename(self, ref: str, name: str) -> None:
        self._api.call("POST", _path(ref, "rename") + query(name=name))

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False, link: bool = False) -> None:
        self.begin_remove(ref, force=force, volumes=volumes, link=link).finish()

    def begin_remove(self, ref: str, *, force: bool = False, volumes: bool = False, link: bool = False) -> Pending:
        return self._api.begin("DELETE", _path(ref) + query(force=force, v=volumes, link=link))

    def update(self, ref: str, request: Mapping[str, object]) -> Created:
        return cast("Created", self._api.call("POST", _path(ref, "update"), request) or {})

    def begin_wait(self, ref: str, *, condition: str | None = None) -> Pending:
        """The answer's head comes when the daemon watches, its body when the condition holds."""
        return self._api.begin("POST", _path(ref, "wait") + query(condition=condition))

    def top(self, ref: str, ps_args: Iterable[str] = ()) -> Top:
        return cast("Top", self._api.call("GET", _path(ref, "top") + query(ps_args=" ".join(ps_args))))

    def begin_stats(self, ref: str, *, stream: bool) -> Pending:
        """One sample a second, or one that takes a second. See ``stats_of``."""
        return self._api.begin("GET", _path(ref, "stats") + query(stream=int(stream)), fresh=stream)

    def stats_of(self, answer: Response) -> Iterator[Stats]:
        """Its samples, as they come."""
        return cast("Iterator[Stats]", self._api.stream(answer))

    def resize(self, ref: str, height: int, width: int) -> None:
        self._api.call("POST", _path(ref, "resize") + query(h=height, w=width))

    def logs(
        self,
        ref: str,
        *,
        stdout: bool = True,
        stderr: bool = True,
        follow: bool = False,
        since: str | None = None,
        until: str | None = None,
        timestamps: bool = False,
        tail: str | None = None,
        details: bool = False,
    ) -> Response:
        """Multiplexed frames, unless the container has a terminal (see ``streams``)."""
        target = _path(ref, "logs") + query(
            stdout=stdout, stderr=stderr, follow=follow, since=since, until=until, timestamps=timestamps,
            tail=tail, details=details,
        )  # fmt: skip
        return self._api.request("GET", target)

    def attach(
        self,
        ref: str,
        *,
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        logs: bool = False,
        detach_keys: str | None = None,
    ) -> Hijacked:
        target = _path(ref, "attach") + query(
            stream=True, stdin=stdin, stdout=stdout, stderr=stderr, logs=logs, detachKeys=detach_keys
        )
        return self._api.hijack(target)

    def commit(
        self,
        ref: str,
        *,
        repository: str = "",
        tag: str = "",
        author: str = "",
        comment: str = "",
        changes: Iterable[str] = (),
        pause: bool = True,
        config: Mapping[str, object] | None = None,
    ) -> str:
        """The new image's id."""
        target = "/commit" + query(
            container=ref, repo=repository, tag=tag, author=author, comment=comment, changes=changes,
            pause=None if pause else "0",
        )  # fmt: skip
        answer: Created = cast("Created", self._api.call("POST", target, config))
        return answer.get("Id", "")

    def changes(self, ref: str) -> Iterable[FileChange]:
        return cast("Iterable[FileChange]", self._api.call("GET", _path(ref, "changes")) or [])

    def export(self, ref: str) -> Response:
        return self._api.request("GET", _path(ref, "export"))

    def stat_path(self, ref: str, path: str) -> PathStat:
        """What is at ``path``, a link not followed."""
        response = self._api.begin("HEAD", _path(ref, "archive") + query(path=path)).answer()
        if response.status >= 400:  # HEAD has no room for the reason
            self._api.finish(response)
            raise ApiError(response.status, f"status {response.status}")
        self._api.finish(response)
        return _path_stat(response)

    def copy_out(self, ref: str, path: str) -> tuple[PathStat, Response]:
        """What is at ``path``, and the answer whose body is the tar of it."""
        response = self._api.request("GET", _path(ref, "archive") + query(path=path))
        return _path_stat(response), response

    def copy_in(
        self, ref: str, path: str, archive: Iterable[bytes], *, copy_owner: bool = False, strict: bool = True
    ) -> None:
        """``strict``: nothing replaces a directory but a directory, nor the other way round."""
        target = _path(ref, "archive") + query(
            path=path, noOverwriteDirNonDir="true" if strict else None, copyUIDGID="true" if copy_owner else None
        )
        headers = {"Content-Type": "application/x-tar"}
        self._api.finish(self._api.request("PUT", target, body=archive, headers=headers))

    def prune(self, *, filters: Filters | None = None) -> Pruned:
        return cast("Pruned", self._api.call("POST", "/containers/prune" + query(filters=encode_filters(filters))))


def _path_stat(response: Response) -> PathStat:
    """Raises ProtocolError."""
    import binascii

    try:
        text = binascii.a2b_base64(response.headers["x-docker-container-path-stat"])
        return cast("PathStat", json.loads(text))
    except (KeyError, ValueError) as error:
        raise ProtocolError(f"the answer does not tell about the file: {error}") from error


def _path(ref: str, verb: str = "") -> str:
    return f"/containers/{quote(ref)}" + (f"/{verb}" if verb else "")
