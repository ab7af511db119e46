"""Reading what containers wrote: json-file logs, across rotation, backwards for the tail, and as they grow.

``reader`` is the door. ``entry`` knows the format of a line, ``selection`` what is wanted of it, ``files`` the chain of
rotated files, ``lines`` and ``tail`` how to read them, ``follow`` and ``watch`` how to wait for more. Writing them is
the supervisor's business. Imports ``api.types`` and ``linux``.
"""
