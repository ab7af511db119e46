"""Which ids a container's user namespace has: the daemon's ``userns-remap`` and ``--userns`` of a container.

``subids`` reads /etc/subuid and /etc/subgid, ``remap`` makes maps out of the daemon's setting, ``mode`` understands
``--userns``, ``pool`` gives out ranges that no other container has, ``assign`` decides for a new container, ``storage``
makes layers and volumes fit. What is not here: namespaces and mounts themselves (``runtime``).
"""
