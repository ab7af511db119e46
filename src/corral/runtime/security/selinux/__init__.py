"""SELinux: labels for containers and their files.

``labels`` computes them from the policy's own and ``--security-opt label=...``, pure functions; ``host`` asks the
kernel and the policy's files; ``relabel`` labels files for ``:z`` and ``:Z``. Putting a process under a label is a
write at its last moment in ``runtime.init.process``. Imports the standard library and ``corral.errors`` only.
"""

from corral.runtime.security.selinux.host import base_labels, enabled
from corral.runtime.security.selinux.labels import Labels, container_labels, duplicated_options, level_of
from corral.runtime.security.selinux.relabel import relabel

__all__ = ["Labels", "base_labels", "container_labels", "duplicated_options", "enabled", "level_of", "relabel"]
