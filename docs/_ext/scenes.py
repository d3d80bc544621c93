"""Put the 3D pages that an example wrote into its page of the gallery."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

FRAME = """.. raw:: html

    <iframe class="scene" src="../_static/scenes/{name}.html" loading="lazy"
     title="{name}"></iframe>
"""


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Copy ``out/<example>/scene.html`` to the static files, and embed it once."""
    name = Path(block_vars["src_file"]).stem
    page = Path("out") / name / "scene.html"
    if not page.is_file():
        return ""
    static = Path(gallery_conf["src_dir"]) / "_static" / "scenes"
    static.mkdir(parents=True, exist_ok=True)
    shutil.move(page, static / f"{name}.html")
    return FRAME.format(name=name)
