"""The engine's own packet filter rules: address translation, published ports, isolation.

``driver`` is the interface, ``nftables`` implements it with one table of our own, ``rules`` computes that table.
Nobody else's tables are read or changed. Imports ``linux``, ``errors`` and the standard library.
"""
