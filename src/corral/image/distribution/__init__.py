"""Images from registries and to them.

``registry`` speaks the protocol and knows no store. It imports ``corral.oci`` and ``corral.errors`` only.
"""
