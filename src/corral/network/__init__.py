"""Networks, on libnetwork's model: sandboxes, endpoints, networks, and the drivers beneath them.

``controller`` holds ``NetworkService``, the room's only door: it makes a *sandbox* (a network namespace) for a
container and joins it to *networks* by *endpoints*. ``driver`` is the manual of what a kind of network must be able to
do, ``drivers`` has them; ``ipam`` hands out addresses, ``firewall`` keeps the engine's own nftables table, ``portmap``
holds host ports. What is not here: making namespaces (the runtime does, see ``namespace.MakeSandbox``), a container's
files in /etc, and records of containers. Imports ``linux``, ``store``, ``api.types``,
``oci.codec`` and ``errors``.
"""
