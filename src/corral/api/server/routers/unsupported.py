"""Docker endpoints that corral does not have yet: a client is told so, instead of that it mistyped.

Every endpoint of Docker's API is listed, so that the answer stays right while routers grow: only what no router
claims comes here.
"""

from __future__ import annotations

import functools
from typing import Final

from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.router import Route, Router
from corral.errors import CorralError, NotFound, Unsupported

__all__ = ["refusal"]

_DOCKER: Final = """
GET /containers/json
POST /containers/create
POST /containers/prune
GET /containers/{id}/json
GET /containers/{id}/top
GET /containers/{id}/logs
GET /containers/{id}/changes
GET /containers/{id}/export
GET /containers/{id}/stats
POST /containers/{id}/resize
POST /containers/{id}/start
POST /containers/{id}/stop
POST /containers/{id}/restart
POST /containers/{id}/kill
POST /containers/{id}/update
POST /containers/{id}/rename
POST /containers/{id}/pause
POST /containers/{id}/unpause
POST /containers/{id}/attach
GET /containers/{id}/attach/ws
POST /containers/{id}/wait
POST /containers/{id}/exec
POST /containers/{id}/copy
DELETE /containers/{id}
HEAD /containers/{id}/archive
GET /containers/{id}/archive
PUT /containers/{id}/archive
GET /containers/{id}/checkpoints
POST /containers/{id}/checkpoints
DELETE /containers/{id}/checkpoints/{checkpoint}
POST /exec/{id}/start
POST /exec/{id}/resize
GET /exec/{id}/json
GET /images/json
POST /images/create
POST /images/load
POST /images/prune
GET /images/get
GET /images/search
GET /images/{name:path}/json
GET /images/{name:path}/history
GET /images/{name:path}/get
POST /images/{name:path}/push
POST /images/{name:path}/tag
DELETE /images/{name:path}
GET /distribution/{name:path}/json
POST /build
POST /build/prune
POST /build/cancel
POST /commit
POST /session
POST /grpc
POST /auth
GET /info
GET /version
GET /_ping
HEAD /_ping
GET /events
GET /system/df
GET /volumes
POST /volumes/create
POST /volumes/prune
GET /volumes/{name}
PUT /volumes/{name}
DELETE /volumes/{name}
GET /networks
POST /networks/create
POST /networks/prune
GET /networks/{id}
DELETE /networks/{id}
POST /networks/{id}/connect
POST /networks/{id}/disconnect
GET /plugins/privileges
POST /plugins/pull
POST /plugins/create
DELETE /plugins/{name:path}
POST /plugins/{name:path}/enable
POST /plugins/{name:path}/disable
POST /plugins/{name:path}/upgrade
POST /plugins/{name:path}/push
POST /plugins/{name:path}/set
GET /nodes
GET /nodes/{id}
DELETE /nodes/{id}
POST /nodes/{id}/update
GET /swarm
POST /swarm/init
POST /swarm/join
POST /swarm/leave
POST /swarm/update
GET /swarm/unlockkey
POST /swarm/unlock
GET /services
POST /services/create
GET /services/{id}
DELETE /services/{id}
POST /services/{id}/update
GET /services/{id}/logs
GET /tasks
GET /tasks/{id}
GET /tasks/{id}/logs
GET /secrets
POST /secrets/create
GET /secrets/{id}
DELETE /secrets/{id}
POST /secrets/{id}/update
GET /configs
POST /configs/create
GET /configs/{id}
DELETE /configs/{id}
POST /configs/{id}/update
"""


async def _nothing(request: Request) -> Response:
    raise refusal(request.method, request.path)


@functools.cache
def _known() -> Router:
    return Router(Route(method, path, _nothing) for method, path in map(str.split, _DOCKER.strip().splitlines()))


def refusal(method: str, path: str) -> CorralError:
    """The error for a request that no router claims; ``path`` without its version."""
    if _known().find(method, path) is None:
        return NotFound("page not found")
    return Unsupported(f"corral does not support {method} {path} yet")
