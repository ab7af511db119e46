"""corral: a Docker-compatible container engine.

The rooms of the house and the direction of imports are described in ``docs/architecture.md``.
"""

__version__ = "0.1.0"
