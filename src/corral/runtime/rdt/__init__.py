"""Intel Resource Director Technology: a container's part of the caches and of the memory bandwidth, through the resctrl
file system (the kernel's Documentation/filesystems/resctrl.rst; AMD and Arm have it, too).

``mount``: where resctrl is. ``schemata``: lines of limits and whether they agree. ``group``: a container's class of
service and monitoring group, which its ``Cgroup`` has beside it. ``usage``: what a monitoring group has counted. Loaded
only for containers whose description has ``linux.intelRdt``. Imports the standard library, ``corral.oci.runtime`` and
``corral.errors`` only.
"""
