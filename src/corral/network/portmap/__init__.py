"""Published ports: what is asked for, which host ports they get, and who holds them.

``ports`` has the values and parses the API's, ``allocator`` binds and holds host ports, ``proxy`` serves those host
addresses that the firewall cannot translate. Imports ``errors``, ``api.types`` and the standard library.
"""
