"""The hugetlb controller: bytes of huge pages, per page size such as "2MB"."""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2"]

WARNING: Final = "Your kernel does not support hugetlb limit or the cgroup is not mounted. Limitation discarded."


def is_asked(resources: Resources) -> bool:
    return bool(resources.hugepage_limits)


def v1(resources: Resources) -> list[Write]:
    """Reserved pages are limited as well where the kernel can, or mmap without touching would go round the limit."""
    writes = []
    for page in resources.hugepage_limits:
        writes.append(Write(f"hugetlb.{page.page_size}.limit_in_bytes", str(page.limit), WARNING))
        writes.append(Write(f"hugetlb.{page.page_size}.rsvd.limit_in_bytes", str(page.limit)))
    return writes


def v2(resources: Resources) -> list[Write]:
    writes = []
    for page in resources.hugepage_limits:
        writes.append(Write(f"hugetlb.{page.page_size}.max", str(page.limit), WARNING))
        writes.append(Write(f"hugetlb.{page.page_size}.rsvd.max", str(page.limit)))
    return writes
