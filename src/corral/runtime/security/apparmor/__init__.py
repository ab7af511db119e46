"""AppArmor: whether the kernel has it, the profile of containers that name none, and loading it.

``profile`` writes the default profile's text, a pure function; ``host`` asks the kernel and calls apparmor_parser.
Putting a process under a profile is a write at its last moment in ``runtime.init.process``. Imports the standard
library and ``corral.errors`` only.
"""
