"""Privileges of the process: capabilities, system call filter, no_new_privs."""

from __future__ import annotations

import dataclasses

from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Capabilities, Spec

__all__ = ["with_capabilities", "with_seccomp"]


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


def with_seccomp(given: SpecInput, spec: Spec) -> Spec:
    if given.seccomp_description is not None:
        return dataclasses.replace(spec, linux=dataclasses.replace(spec.linux, seccomp=given.seccomp_description))
    return dataclasses.replace(spec, annotations={**spec.annotations, **given.seccomp})
