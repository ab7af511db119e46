"""First images without any registry: made from packages of the machine's own Debian mirror.

``busybox`` builds a small root around Debian's static busybox, ``debian`` lets mmdebstrap make a minimal Debian from
the apt sources that the machine has configured (``sources``); ``tools`` runs the programs. No host of any mirror is
named here: whatever the machine uses is used. It imports the image room's stores, ``corral.archive`` and
``corral.errors``.
"""
