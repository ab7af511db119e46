"""Containers made by another program: runc, crun, ``corral-oci``, whatever has the command line of an OCI runtime.

Part of the supervisor, imported by it when the first container asks for such a program. The supervisor stays the
parent of all processes and keeps streams, logs, exits and records as for its own containers; what is different is how
a process comes to be (``creation``, ``execution``) and goes (``deletion``). ``command`` runs the program, ``stage`` is
what its process does before it becomes the program: mounting the root in a mount namespace of its own, and writing
down the description (``config``) with everything resolved that only our runtime knows. What is not here: limits,
signals, pausing, which are the supervisor's own for every container. Runs under ``python -SI``; imports what
``runtime.supervisor`` may, and that.
"""
