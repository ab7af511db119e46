"""Networks, on libnetwork's model: sandboxes, endpoints, networks, and the drivers beneath them.

``controller`` holds ``NetworkService``, the room's only door: it makes a *sandbox* (a network namespace) for a
container and joins it to *networks* by *endpoints*. ``driver`` is the manual of what a kind of network must be able to
do, ``drivers`` has them; ``ipam`` hands out addresses, ``firewall`` keeps the engine's own nftables table, ``portmap``
holds host ports. ``hosts`` and ``resolvconf`` compute files of a container. What is not here: entering namespaces (the
runtime makes them, see ``make_sandbox``) and records of containers. Imports ``linux``, ``store``, ``api.types``,
``oci.codec`` and ``errors``.
"""
