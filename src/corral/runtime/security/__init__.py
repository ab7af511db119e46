"""What a container may ask of the kernel: its capabilities and its system call filter.

``capabilities`` turns Docker's --cap-add and --cap-drop into sets and applies them in the child; ``seccomp`` turns
profiles into filters. Used by the engine (to resolve and compile) and by init (to apply), so it imports the standard
library, ``corral.linux``, ``corral.oci.runtime`` and ``corral.errors`` only, and works under ``python -SI``.
"""
