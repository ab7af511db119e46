"""Addresses: pools (subnets) that do not overlap, and single addresses out of them.

``driver`` is the interface, ``local`` keeps everything in memory, ``pools`` chooses subnets. What was handed out before
a daemon's restart is asked for again by its owners. Imports ``errors`` and the standard library.
"""
