"""Control groups: one container's place in every hierarchy of the host, its limits, its statistics, its freezer.

``Hierarchies`` knows which controller lives where (version 1, version 2 or a mixture, per controller). There is one
module per controller: pure functions from ``Resources`` to writes. ``plan`` puts them together; ``Cgroup`` makes the
directories and carries the writes out. What is not here: where the engine's containers go (a path is given), and
starting processes. Used by the supervisor under ``python -SI``: imports the standard library, ``corral.linux``,
``corral.oci.runtime`` and ``corral.errors`` only.
"""

from corral.runtime.cgroups.cgroup import Cgroup
from corral.runtime.cgroups.hierarchies import Hierarchies

__all__ = ["Cgroup", "Hierarchies"]
