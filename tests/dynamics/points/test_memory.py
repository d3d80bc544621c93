"""Searches choose the size of their batches by themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")  # not on Windows

SEARCH = """
import resource, torch
from pyrnn import RNN
from pyrnn.dynamics import find_fixed_points

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

rnn = RNN(2, 256, 1, seed=0)
rnn.w_rec.weight = 0.9 * torch.eye(256)  # so slow that starts are apart for long
before = peak()
points = find_fixed_points(rnn, torch.randn(4096, 256), round_size=4096, max_rounds=2)
assert points.record.n_starts == 3 * 4096 and len(points) == 1
print(peak() - before)
"""


@pytest.mark.slow
def test_many_starts_of_a_wide_network_stay_below_two_gigabytes() -> None:
    """All 4096 Jacobians of 256 units take 1 GB in float32, LU as much again, as do inverses."""
    run = subprocess.run(
        [sys.executable, "-c", SEARCH], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 2e9
