"""A container's files from outside: looked at, copied out, copied in, exported. Running or stopped.

The container is hostile and may be running: it renames, links and replaces while we look. All work is done by worker
processes (``worker``) that see the container's root in a mount namespace of their own (``view``) and reach it only
through descriptors; the daemon never touches a path inside. ``description`` says what the worker is to see, ``jobs`` is
how the daemon asks, ``prepare`` gets everything from a container's record. ``paths`` resolves names as Docker does,
``pathstat`` tells of them. It imports ``corral.archive``, ``corral.linux``, ``corral.oci``, ``corral.runtime.init`` and
``corral.errors``; only ``prepare`` knows the engine.
"""
