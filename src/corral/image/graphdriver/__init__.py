"""Storage drivers: how layers lie on disk and how a stack of them becomes one file system.

``driver`` is the Protocol and the manual; ``overlay2``, ``fuse_overlayfs``, ``btrfs`` and ``vfs`` implement it;
``trees`` is what the last two share. ``choose`` picks one; ``mountpoints`` is the directory that every root rests on.
Drivers know directories only: names, digests and who uses what are the layer store's. It imports ``corral.archive``,
``corral.linux``, ``corral.oci`` and ``corral.errors``.
"""
