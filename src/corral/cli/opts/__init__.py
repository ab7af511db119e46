"""Parsers of docker's option notations (-p, -v, --mount, -e, --ulimit, --device, --network, ...) into the API's JSON.

Pure functions, one subject per module, no I/O but reading the files that an option names. Where docker rejects a text
as the value of its flag, the parser raises ValueError (``flags`` adds which flag); where it rejects it later, CliError.
"""
