"""The command line: flags, the table of verbs, one module per verb, and what a terminal needs.

Here: parsing (``flags``, ``opts``), tables and Go templates (``table``, ``template``), terminals (``tty``,
``attach``), starting the daemon on demand. Not here: HTTP (``client``) and every rule of the
engine. May import ``client`` and leaves.

Every invocation pays for what it imports: the verb table names modules and imports one; nothing on the way
to ``corral ps`` imports argparse (6 ms), dataclasses (10 ms), typing (5 ms) or msgspec (25 ms). Value classes are
therefore plain classes with ``__slots__``. ``sys.exit`` is called in ``main`` alone.
"""
