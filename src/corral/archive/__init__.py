"""Tar archives and directory trees: applying the one to the other, exactly, quickly, and without leaving the tree.

Here live the tar format (``header``, ``pax``, ``sparse``, ``reader``, ``writer``), decompression (``compression``),
path-safe extraction (``beneath``, ``apply``), the way back (``diff``), whiteouts in both spellings (``whiteout``), the
recipe from which a layer's own tar is made again byte for byte (``recipe``), and the worker process in which all
that runs, so that the daemon's event loop does not notice (``worker``, ``jobs``). Nothing here knows images, containers
or storage drivers. It imports ``corral.linux``, ``corral.errors``, isal, zstandard and the standard library.
"""
