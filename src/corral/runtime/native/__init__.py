"""The driver that runs containers with our own runtime: an asyncio client of the supervisor.

``NativeDriver`` implements ``runtime.driver``; ``link`` is its connection, ``launch`` starts keeper and supervisor
when there are none, ``bundle`` writes what they read. Nothing of a container is decided here, and no container
depends on this process, but that it keeps duplicates of descriptors for the case that keeper and supervisor are both
killed. Imports ``runtime.driver``, ``runtime.supervisor`` (its messages), ``runtime.security``, ``store.layout``,
``linux`` and ``errors``.
"""
