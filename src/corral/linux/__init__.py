"""The kernel, by its own names: thin wrappers over system calls, one module per manual section, and netlink.

Here lives mechanism without policy: arguments in the kernel's order, constants with the kernel's names, and every
failure an ``OSError`` that carries the errno, the name of the call and the path (``libc.failure`` is the one door
from errno to exception). Nothing here knows what a container is. Nothing above this room imports ``ctypes``. It
imports the standard library only, because it runs under ``python -SI``.
"""
