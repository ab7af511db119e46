"""Privileges of the process: capabilities, system call filter, no_new_privs, security modules."""

from __future__ import annotations

import dataclasses
from typing import Final

from corral.engine.container.security_options import SecurityOptions
from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Capabilities, Spec

__all__ = ["apparmor_profile", "with_capabilities", "with_modules", "with_mount_labels", "with_seccomp"]

_LABELLED: Final = ("tmpfs", "devpts")
"""The file systems that take a label as an option; in quotes, because there is a comma in it."""
UNCONFINED: Final = "unconfined"


def with_capabilities(given: SpecInput, spec: Spec) -> Spec:
    """Bounding, effective and permitted; inheritable and ambient stay empty (CVE-2022-24769)."""
    names = given.capabilities
    wanted = given.security.no_new_privileges
    process = dataclasses.replace(
        spec.process,
        capabilities=Capabilities(bounding=names, effective=names, permitted=names),
        no_new_privileges=given.settings.no_new_privileges if wanted is None else wanted,
    )
    return dataclasses.replace(spec, process=process)


def with_modules(given: SpecInput, spec: Spec) -> Spec:
    """AppArmor's profile and SELinux's label, for all processes of the container: an exec, privileged or not, is under
    what the container is under."""
    record = given.record
    profile = apparmor_profile(given.host.apparmor, given.security, privileged=record.host_config.privileged)
    process = dataclasses.replace(spec.process, apparmor_profile=profile, selinux_label=record.process_label)
    linux = dataclasses.replace(spec.linux, mount_label=record.mount_label)
    return dataclasses.replace(spec, process=process, linux=linux)


def with_mount_labels(given: SpecInput, spec: Spec) -> Spec:
    """After all mounts are there: fresh file systems have the container's label, as its root does."""
    label = given.record.mount_label
    if not label:
        return spec
    mounts = tuple(
        dataclasses.replace(mount, options=(*mount.options, f'context="{label}"')) if mount.type in _LABELLED else mount
        for mount in spec.mounts
    )
    return dataclasses.replace(spec, mounts=mounts)


def apparmor_profile(default: str | None, asked: SecurityOptions, *, privileged: bool) -> str:
    """``default``: as in HostFacts. Empty without AppArmor: what was asked for means nothing then, as with Docker."""
    if default is None:
        return ""
    return asked.apparmor or (UNCONFINED if privileged else default)


def with_seccomp(given: SpecInput, spec: Spec) -> Spec:
    if given.seccomp_description is not None:
        return dataclasses.replace(spec, linux=dataclasses.replace(spec.linux, seccomp=given.seccomp_description))
    return dataclasses.replace(spec, annotations={**spec.annotations, **given.seccomp})
