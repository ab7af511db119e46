"""Wire types of the Docker Engine API (1.24 to 1.51): one module per object, nothing but data.

Each struct is a JSON object of `wire.Wire`: attributes in snake_case, JSON names as Docker spells them, every field
with Docker's zero value as its default. ``list | None`` and ``dict | None`` are Go's nil slices and maps, which Docker
does send as ``null``; a field that Docker leaves out when it is empty (``omitempty``) has the default ``UNSET``, which
is false in a condition. Treat them as values: change a copy (`wire.replace`), never the object. Times are RFC3339Nano
strings, durations are nanoseconds, sizes are bytes.

Import the module that you need (``from corral.api.types import container``): the client's start-up pays for each.
May import the standard library and msgspec only.
"""
