"""The Docker Engine API: `api.types` is what goes over the wire, `api.server` answers it.

The types import nothing else of corral; client and server both stand on them and never on each other.
"""
