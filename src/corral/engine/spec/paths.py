"""Paths of /proc and /sys that are hidden or read-only."""

from __future__ import annotations

import dataclasses

from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Spec

__all__ = ["with_hidden_paths"]


def with_hidden_paths(given: SpecInput, spec: Spec) -> Spec:
    host_config = given.record.host_config
    linux = dataclasses.replace(
        spec.linux,
        masked_paths=tuple(host_config.masked_paths or ()),
        readonly_paths=tuple(host_config.readonly_paths or ()),
    )
    return dataclasses.replace(spec, linux=linux)
