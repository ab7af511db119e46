"""What containers use of the machine, once a second, for as long as somebody looks.

``reader`` takes one sample; ``feed`` takes them regularly, once for all who listen to a container, and not at all when
nobody does; ``view`` puts a sample into Docker's words. What is not here: which containers there are and who may ask
(``container.stats``), and where the kernel keeps the numbers (``runtime.cgroups``). Imports ``runtime.cgroups`` and
``api.types``.
"""
