"""Is a bundle's ``config.json`` what the OCI runtime specification 1.2 says it must be?

``validate`` is the door: parsed JSON in, problems out, each with the section of the specification that it offends. What
a configuration must look like is written down as data (``shapes`` is the vocabulary; one module for each part of the
specification), with the few rules that are about several properties beside it. Pure: whether the host can do what is
asked for is found out by who does it. Properties that the specification does not know are ignored, as it demands. May
import ``linux`` for the kernel's names, and leaves.
"""

from corral.runtime.validation.config import validate
from corral.runtime.validation.shapes import Problem

__all__ = ["Problem", "validate"]
