"""Images and the file systems of containers: what is stored, under which names, and how it becomes a root.

Here live the image store and its names (``store``, ``references``), content by digest (``content``), layers and the
read-write layers of containers (``layer``), storage drivers (``graphdriver``), and the use cases: import, load, save,
list, inspect, history, tag, removal, bootstrap; ``service`` is their façade. Nothing here mounts, runs or knows a
container beyond its id: a root file system is described (``oci.rootfs``) and mounted by container init. It imports
``corral.archive``, ``corral.store``, ``corral.linux``, ``corral.oci``, ``corral.api.types`` and ``corral.errors``.
"""
