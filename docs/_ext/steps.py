"""Make an example's page from its program: a title, and prose between the steps."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup", "split_steps"]

FIRST_LINE = re.compile(r"(\.\. _sphx_glr_gallery_\w+\.py:\n\n+)([^\n]+?)\.?\n(?![=~-])")
STEP = re.compile(r"\n+ +# %%\n((?: +#.*\n)+)")
CODE = "\n\n.. code-block:: Python\n\n"


def edit(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("gallery/"):
        source[0] = split_steps(FIRST_LINE.sub(underlined, source[0], count=1))


def underlined(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}\n{'=' * len(match[2])}\n"


def split_steps(page: str) -> str:
    """Return a page where each ``# %%`` in a function begins prose and a new block of code."""
    return STEP.sub(lambda step: f"\n\n{prose(step[1])}{CODE}", page)


def prose(comment: str) -> str:
    lines = [line.strip().removeprefix("#").removeprefix(" ") for line in comment.splitlines()]
    return textwrap.dedent("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", edit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
