"""Make the first line of an example's docstring the title of its page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

FIRST_LINE = re.compile(r"(\.\. _sphx_glr_gallery_\w+\.py:\n\n+)([^\n]+?)\.?\n(?![=~-])")


def add_title(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("gallery/"):
        source[0] = FIRST_LINE.sub(underlined, source[0], count=1)


def underlined(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}\n{'=' * len(match[2])}\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_title)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
