"""The example with an environment of NeuroGym, at full size."""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

pytest.importorskip("neurogym", reason="run tests/neurogym/run.sh")

EXAMPLE = Path(__file__).parents[2] / "examples" / "neurogym_decision.py"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Gymnasium warns about NeuroGym's spaces
def test_the_example_learns_what_it_claims():
    torch.set_default_dtype(torch.float32)
    with plt.rc_context({"backend": "agg"}):
        assert runpy.run_path(str(EXAMPLE))["main"](show=False) > 0.85
    plt.close("all")
