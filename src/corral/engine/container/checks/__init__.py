"""What a create or update request may not say, in Docker's words: pure checks, in order, by subject.

`check_request` runs all of them for a create; each subject's module has its checks and its warnings. They see the
request, the host's facts and the settings; whether named things exist (images, networks, other containers) is the
verbs' business.
"""

from __future__ import annotations

from corral.api.types.container import ContainerCreateRequest
from corral.engine.container.checks import config, host_config, logs, modes, modules, network, resources
from corral.engine.container.settings import Settings
from corral.engine.spec.host import HostFacts

__all__ = ["check_request"]


def check_request(request: ContainerCreateRequest, settings: Settings, host: HostFacts) -> list[str]:
    """Returns the warnings. Raises Invalid."""
    given = request.host_config
    config.check(request)
    host_config.check(given, settings)
    modules.check(given, host)
    modes.check(given, remapped=settings.remap is not None)
    network.check(request)
    logs.check(given.log_config)
    resources.check(given, host)
    return [*network.warnings(request, host), *resources.warnings(given, host)]
