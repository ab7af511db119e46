"""What can be bootstrapped, by name."""

from __future__ import annotations

from pathlib import Path

from corral.api.types.progress import Progress
from corral.errors import Invalid
from corral.image import progress
from corral.image.bootstrap import busybox, debian
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.reference import parse_reference


async def bootstrap(images: ImageStore, name: str, report: progress.Report) -> Image:
    """``busybox``, ``debian:SUITE``, or ``debian``: the machine's own suite, which is then ``latest`` as well.

    Raises Invalid for another name, Unavailable when a tool is missing, Internal when it fails.
    """
    repository, _, tag = name.partition(":")
    if repository == "busybox" and tag in ("", "latest"):
        image = await busybox.bootstrap(images, report)
        shown = ["busybox:latest"]
    elif repository == "debian":
        own = tag in ("", "latest")
        suite = debian.machine_suite(Path("/etc/os-release").read_text()) if own else tag
        image = await debian.bootstrap(images, suite, report)
        shown = [f"debian:{suite}"]
        if own:
            await images.tag(image.id, parse_reference("debian:latest"))
            shown.append("debian:latest")
    else:
        raise Invalid(f'cannot bootstrap "{name}": what can be made without a registry is busybox and debian:SUITE')
    for text in shown:
        report(progress.text(f"Loaded image: {text}"))
    report(Progress(aux={"ID": image.id}))
    return image
