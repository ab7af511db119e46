"""Running containers: the execution driver that the engine uses, and everything beneath it.

``driver`` is the interface and its manual. ``native`` implements it as a client of the ``supervisor``, the process
that is the parent of every container; ``init`` is what a container's first process does before it becomes the user's
program; ``cgroups`` and ``security`` are its tools. What is not here: images, networks, volumes (they arrive as
mounts, paths and descriptors) and the records of containers (the engine keeps them). Imports ``linux``, ``oci``,
``store.layout`` and ``errors``; ``supervisor``, ``init``, ``cgroups`` and ``security`` run under ``python -SI`` and
do with less.
"""
