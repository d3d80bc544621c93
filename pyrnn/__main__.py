"""``python -m pyrnn`` is the command ``pyrnn``."""

import sys

from pyrnn.cli import main

sys.exit(main())
