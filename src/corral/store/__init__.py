"""State on disk: the SQLite database, blobs by digest (``content``), atomic files, and the layout of both roots.

Knows no object by name. It imports ``corral.linux``, ``corral.oci`` and ``corral.errors``.
"""
