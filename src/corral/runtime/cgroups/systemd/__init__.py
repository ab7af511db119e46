"""systemd as the manager of control groups: containers are scopes in slices, made by asking systemd over D-Bus.

``names``: from ``slice:prefix:name`` to units and paths. ``message``: D-Bus's wire format, as much of it as is needed.
``bus``: a connection to the system bus. ``units``: what systemd is asked there. ``properties``, ``unified``: limits in
systemd's ``words``. ``annotations``: properties that a description asks for, whose values ``variant`` reads. ``files``:
what systemd writes less exactly. ``group``: ``SystemdCgroup``. Loaded only when it is asked for, by ``Cgroup.at``.
Imports the standard library, ``corral.linux``, ``corral.oci.runtime``, ``corral.errors`` and its siblings in
``corral.runtime.cgroups`` only.
"""
