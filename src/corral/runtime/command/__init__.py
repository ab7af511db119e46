"""``corral-oci``: the native runtime as an OCI runtime command line, for podman, buildah, dockerd and containerd.

One module for each verb, found by its name in ``main``; what they share: ``arguments`` (flags), ``context`` (global
flags, log), ``records`` (the state directory), ``container`` (a recorded one, asked of the kernel), ``creation`` (from
a bundle to a process that waits), ``door`` (how ``start`` finds that process), ``parley`` (what it says meanwhile),
``console``, ``foreground``; ``slim`` stands in for modules of the standard library that take longer to import than most
commands take. There is no supervisor here: each command is a process of its own that may be killed at any moment, and
nobody keeps anything in memory for the next one.

Imports the standard library, ``linux``, ``oci``, ``errors`` and ``runtime.{init,cgroups,security,validation}`` only,
as late as possible, because callers start it several times for each container. Verbs that clone run under
``python -SI`` from a sealed interpreter.
"""
