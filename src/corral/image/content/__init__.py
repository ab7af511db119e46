"""Content by digest: image configurations, manifests, indexes and the compressed layers of registries alike.

``store`` keeps it below the data root. It imports ``corral.store``, ``corral.oci`` and ``corral.errors``.
"""
