"""The parent of all containers: one small process, an epoll loop, that can be killed at any moment.

It spawns containers and execs (through ``runtime.init``), moves their standard streams, writes their logs, records
how they ended and answers drivers (``runtime.native``) over a Unix socket; ``protocol`` describes the messages.
``keeper`` is its own parent, which holds duplicates of all that must not be lost and starts another one when it dies.
``main`` is where both begin. What is not here: setting a container up (``runtime.init``), what its limits mean
(``runtime.cgroups``), and anything that the engine keeps about it. Runs under ``python -SI``: imports the standard
library, ``linux``, ``oci`` (``runtime``, ``rootfs``, ``codec``), ``runtime.driver`` for its vocabulary,
``runtime.init`` and ``runtime.cgroups``.
"""
