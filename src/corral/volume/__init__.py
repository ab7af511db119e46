"""Volumes, and everything else that is mounted into a container from outside its image.

``mounts`` turns what a client asks for (-v, --mount, --tmpfs, VOLUME, --volumes-from) into a plan, and a plan into OCI
mounts and what inspect shows: pure functions. ``service`` holds ``VolumeService``, which knows the volumes and who uses
them; ``driver`` is the manual of volume drivers and ``local`` the built-in one. Mounting inside containers is the
runtime's work. Imports ``linux``, ``store``, ``api.types``, ``oci`` and ``errors``.
"""
