"""System call filters: Docker's profile format, the default profile, and compiling them for the kernel.

``profile`` reads a profile and narrows it down to one container's capabilities, architecture and kernel; the result
is the OCI description. ``compiler`` turns that into BPF. ``cache`` keeps the results on disk, so that a start reads a
file (``load``). What is not here: the system calls that install filters (``corral.linux.seccomp``).
"""
