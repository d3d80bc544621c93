"""Equations as MathML, which browsers draw without scripts and without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

__all__ = ["setup"]

UNKNOWN = {r"\big": "", r"\dots": r"\ldots"}  # commands that docutils does not know
WORD = re.compile(r"_\{(in|[a-z]{3,})\}")  # a word as an index, which is set upright

logger = logging.getLogger(__name__)


def convert(self: HTML5Translator, node: nodes.Element, *, as_block: bool) -> str:
    tex = node.astext().strip()
    tex = WORD.sub(r"_\\mathrm{\1}", tex)
    for command, known in UNKNOWN.items():
        tex = tex.replace(command, known)
    try:
        return tex2mathml(tex, as_block=as_block)
    except MathError as error:
        logger.warning("no MathML for %s: %s", node.astext(), error, location=node)
        return f"<code>{self.encode(node.astext())}</code>"


def inline(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append(convert(self, node, as_block=False))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.Element) -> None:
    self.body.append(f'<div class="math">{convert(self, node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
