"""``corrald``: reads its configuration, checks the machine, puts the services together, listens. No logic of its own.

    settings.py    every setting as data: its flag, its name in daemon.json, its kind
    flags.py       command lines against that table, in pflag's syntax
    config.py      flags + file -> `DaemonConfig`, checked before anything on the machine is touched
    machine.py     what the kernel and our privileges must offer
    instance.py    one daemon per root: locks, directories, pid file
    listeners.py   -H: unix, tcp (plain and TLS), fd
    logs.py        the daemon's own log, text or JSON
    services.py    the composition root: stores -> drivers -> services -> routers
    notify.py      systemd's readiness protocol
    main.py        the life of the process: start, signals, reload, shutdown

May import everything; nothing imports it.
"""
