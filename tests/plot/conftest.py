"""Figures are drawn without a screen and thrown away."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    import matplotlib.pyplot as plt

    yield
    for number in plt.get_fignums():  # what cannot be laid out must fail here, not at the user's
        figure = plt.figure(number)
        figure.draw_without_rendering()
        for ax in figure.axes:
            assert not ax.xaxis_inverted(), "numbers grow to the right"
            assert ax.images or not ax.yaxis_inverted(), "numbers grow upwards"
    plt.close("all")
