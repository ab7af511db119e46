"""What everything in the supervisor shares."""

from __future__ import annotations

from dataclasses import dataclass, field

from corral.runtime.cgroups import Hierarchies
from corral.runtime.supervisor.audience import Audience
from corral.runtime.supervisor.exits import Exits
from corral.runtime.supervisor.logfile import Compress
from corral.runtime.supervisor.loop import Loop
from corral.runtime.supervisor.spool import Spool


@dataclass(frozen=True, slots=True)
class Services:
    """``bundles``: EXEC-ROOT/containers; ``tracers``: ids of containers that might trace processes of others, whose PID
    namespace they have joined."""

    loop: Loop
    exits: Exits
    spool: Spool
    audience: Audience
    hierarchies: Hierarchies
    compress: Compress
    bundles: str
    tracers: set[str] = field(default_factory=set)
