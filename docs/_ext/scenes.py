"""Put the 3D pages that an example wrote into its page of the gallery."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import wraps
from pathlib import Path

from pyrnn.render.output import Output

__all__ = ["saved", "scrape"]

FRAME = """.. raw:: html

    <iframe class="scene" src="../_static/scenes/{name}.html" loading="lazy"
     title="{name}"></iframe>
"""

saved: dict[str, Output] = {}  # the scene of the last page that an example wrote


def remembering(save):
    """Return ``Output.save`` that keeps the scene of a page, for the thumbnail."""

    @wraps(save)
    def run(self, path, **options):
        if Path(path).suffix == ".html":
            saved["last"] = self
        return save(self, path, **options)

    return run


Output.save = remembering(Output.save)


def scrape(
    block: tuple[object, ...], block_vars: Mapping[str, str], gallery_conf: Mapping[str, str]
) -> str:
    """Move ``out/<example>/scene.html`` to the static files, and return a frame that shows it."""
    name = Path(block_vars["src_file"]).stem
    page = Path("out") / name / "scene.html"
    if not page.is_file():
        return ""
    static = Path(gallery_conf["src_dir"]) / "_static" / "scenes"
    static.mkdir(parents=True, exist_ok=True)
    shutil.move(page, static / f"{name}.html")
    return FRAME.format(name=name)
