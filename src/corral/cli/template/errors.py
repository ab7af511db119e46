"""Template errors, worded and located as Go words and locates them."""

from __future__ import annotations


class TemplateError(Exception):
    """``template: :1: unclosed action`` while parsing, ``template: :1:2: executing "" at <.X>: ...`` while running."""
