"""Go's text/template, the language of ``--format '{{.Names}}'``.

Here: lexing, parsing, running, the functions, and how Go prints values. Not here: what the fields of an object are
called (``cli.format``, ``cli.schema``). Imports the standard library only.
"""

from __future__ import annotations

from corral.cli.template.errors import TemplateError
from corral.cli.template.run import Template

__all__ = ["Template", "TemplateError"]
