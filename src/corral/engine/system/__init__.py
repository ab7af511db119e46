"""The engine about itself: version, info and disk usage.

``service`` puts the answers together; ``machine`` reads what the host is; ``identity`` is the engine's own name, which
it keeps. Numbers come from the services that own them. Imports ``api.types``, ``runtime.cgroups`` and ``store``.
"""

from corral.engine.system.service import SystemService
from corral.engine.system.settings import SystemSettings

__all__ = ["SystemService", "SystemSettings"]
