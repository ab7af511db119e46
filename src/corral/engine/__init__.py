"""The use cases: the only place where image, network, volume and runtime meet.

``container`` has the record of a container, its store and one module per verb; ``spec`` turns a record into an OCI
runtime spec; ``logger`` reads what containers wrote; ``events`` and ``system`` are the engine's news and its facts.
Here is no mechanism: what touches the kernel is in the rooms below, what speaks HTTP in the one above. May import
``image``, ``network``, ``volume``, ``runtime``, ``store``, ``api.types``, ``oci`` and ``errors``.
"""
