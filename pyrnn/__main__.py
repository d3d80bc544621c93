"""Run the command ``pyrnn`` as ``python -m pyrnn``."""

import sys

from pyrnn.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
