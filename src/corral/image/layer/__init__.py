"""Layers: what is known of each, what keeps it alive, and the read-write layers of containers.

``store`` joins records, driver and trash: a layer exists when its record is committed, and lives while an image, a
container, a layer above it or an operation under way uses it. ``trash`` gives the space back. It imports
``corral.archive``, ``corral.store``, ``corral.image.graphdriver``, ``corral.oci`` and ``corral.errors``.
"""
