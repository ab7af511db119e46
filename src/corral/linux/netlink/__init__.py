"""netlink(7): a small encoder, sockets that speak it, and the messages of rtnetlink(7) and nf_tables that we need.

``attributes`` turns declared tables into bytes and back, ``message`` knows the headers, ``connection`` sends batches
and turns refusals into ``OSError``. ``link``, ``address``, ``route`` and ``neighbour`` speak NETLINK_ROUTE,
``nftables`` NETLINK_NETFILTER. Every header and every table carries its C declaration or the prefix of its names in
the kernel. A request is a value that is built by a pure function and does nothing until a connection sends it. Nothing
here knows what a container is; it imports the standard library only.
"""
