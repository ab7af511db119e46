"""Who we are to registries: ``config.json`` of docker's format, and the ``docker-credential-*`` programs that it names.

``account.py`` is the vocabulary, ``config_file.py`` and ``helper.py`` are the two places where accounts are kept,
``keeper.py`` knows which of them serves a registry, ``header.py`` makes what the API is given. Nothing of a secret is
printed here. May import the client and the CLI's basics.
"""
