"""The Open Container Initiative's vocabulary as frozen data: runtime spec, image spec, digests, references.

Here live the types and their JSON forms, and the root filesystem's description that the image room hands to the
runtime; no behaviour, no input or output. ``runtime``, ``rootfs`` and ``codec`` import the standard library only,
because container init reads them under ``python -SI``; ``image``, ``digest`` and ``reference`` may use msgspec. A leaf:
it imports nothing else of this project.
"""
