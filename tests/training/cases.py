"""A small task and a small network, fitted in little time."""

from __future__ import annotations

import torch
from torch import nn

from pyrnn import CTRNN, RNNBase
from pyrnn.tasks import FlipFlop

TASK = FlipFlop(n_bits=1, n_trials=32, duration=200.0, seed=0)


def make(**options: object) -> CTRNN:
    return CTRNN(1, 12, 1, seed=0, **options)


def fit(rnn: RNNBase, **options: object):
    return rnn.fit(TASK, **{"epochs": 2, "batch_size": 8, "progress": False, "seed": 0} | options)


def assert_same(first: nn.Module, second: nn.Module) -> None:
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    for (name, mine), (_, theirs) in pairs:
        assert torch.equal(mine, theirs), name
