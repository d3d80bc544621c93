"""Every test and every doctest closes the figures that it opened."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")  # most tests never load it
    if pyplot is not None:
        pyplot.close("all")
