"""Devices by name: specifications of the Container Device Interface (CDI 0.3 to 1.1), as vendors install them.

``vendor.com/class=name`` stands for edits of a container's spec: nodes, mounts, environment, hooks. ``file`` is what a
specification's file says, ``registry`` finds them all, ``request`` turns what a container asks for (``--device``,
``--gpus``) into ``Edits``, and ``edits`` applies those. Whoever can write into the directories of specifications is
root already: what is checked here protects from mistakes. Imports ``oci.runtime``, ``api.types`` and ``errors``; the
YAML reader only when there is a YAML file.
"""
