"""Content by digest: image configurations now, manifests and compressed layers of registries on the same footing.

``store`` has the ingest-and-commit cycle. It imports ``corral.store``, ``corral.oci`` and ``corral.errors``.
"""
