"""What a container's first process does between its birth and its execve, and the same for an exec.

``spawn`` is the door: the supervisor calls it, it plans (pure functions: ``plan``, ``mounts``), clones, and returns a
``Child`` at once. In the child, ``standard`` is the ordered page of a new container and ``setns`` that of an exec;
every step is a module with the step's noun. ``messages`` is what child and supervisor say to each other meanwhile.

Rules of the child: it runs as root on files that the container controls, so that every path below the container's root
is resolved by ``inside.Root`` and no import, no lookup through the C library's name service and no path of the host
happens after the root has changed. Imports the standard library, ``linux``, ``oci``, ``errors`` and
``runtime.security`` only, all of it when the supervisor starts; works under ``python -SI``.
"""
