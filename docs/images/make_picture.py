"""Run the program of the README and keep the picture that it draws, with the program inside.

    python docs/images/make_picture.py

``tests/test_readme.py`` compares the program in the picture with that in the README.
"""

import os
import re
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "flipflop.png"


def program() -> str:
    """Return the first program of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]


def main() -> None:
    """Write the picture, in 256 colors."""
    os.chdir(tempfile.mkdtemp())
    exec(compile(program(), "README.md", "exec"), {})
    about = PngInfo()
    about.add_itxt("Source", program())
    picture = Image.open(PICTURE.name).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(PICTURE, pnginfo=about, optimize=True)
    print(f"wrote {PICTURE}, {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
