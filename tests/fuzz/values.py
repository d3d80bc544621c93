"""Wrong values of every kind, and right ones for every argument that is needed."""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import pathlib
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from pyrnn import RNN, RateRNN
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.dynamics import find_branches, find_fixed_points, flow_field, follow, transition_graph
from pyrnn.interventions import lesion
from pyrnn.populations import analyze
from pyrnn.tasks import FlipFlop, PerceptualDecision, TrialRandom
from pyrnn.tasks.phases import Fixation, Response, Stimulus
from pyrnn.training import History

WRONG: dict[str, Callable[[], object]] = {
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "-inf": lambda: -math.inf,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "2": lambda: 2,
    "10**20": lambda: 10**20,
    "-(10**20)": lambda: -(10**20),
    "0.5": lambda: 0.5,
    "-0.5": lambda: -0.5,
    "1e-300": lambda: 1e-300,
    "1e300": lambda: 1e300,
    "True": lambda: True,
    "False": lambda: False,
    "None": lambda: None,
    "complex": lambda: 1 + 2j,
    "empty text": lambda: "",
    "no": lambda: "no",
    "text": lambda: "something else",
    "number as text": lambda: "0.8",
    "lone surrogate": lambda: "\ud800",
    "bytes": lambda: b"abc",
    "bytearray": lambda: bytearray(b"abc"),
    "list": lambda: [],
    "list of numbers": lambda: [1, 2, 3],
    "list of text": lambda: ["a", "b"],
    "list of nan": lambda: [math.nan],
    "list of lists": lambda: [[1.0], [2.0, 3.0]],
    "list of None": lambda: [None],
    "tuple": lambda: (),
    "pair": lambda: (1.0, 2.0),
    "wrong way": lambda: (2.0, 1.0),
    "set": lambda: {1, 2},
    "frozenset": lambda: frozenset(),
    "dict": dict,
    "dict of numbers": lambda: {"a": 1},
    "dict of None": lambda: {None: None},
    "range": lambda: range(3),
    "generator": lambda: (i for i in range(3)),
    "iterator": lambda: iter([1]),
    "slice": lambda: slice(3),
    "Ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "object": object,
    "class": lambda: int,
    "own class": lambda: RNN,
    "function": lambda: lambda: None,
    "function of one": lambda: lambda a: a,
    "function that raises": lambda: lambda *a, **k: 1 / 0,
    "module of Python": lambda: math,
    "exception": lambda: ValueError("x"),
    "path": lambda: pathlib.Path("nowhere"),
    "date": lambda: datetime.date(2020, 1, 1),
    "fraction": lambda: fractions.Fraction(1, 3),
    "decimal": lambda: decimal.Decimal("0.1"),
    "np.float64": lambda: np.float64(0.5),
    "np.float64 nan": lambda: np.float64("nan"),
    "np.int64": lambda: np.int64(3),
    "np.bool_": lambda: np.bool_(True),
    "np.str_": lambda: np.str_("a"),
    "empty array": lambda: np.zeros(0),
    "array": lambda: np.ones(3),
    "array of nan": lambda: np.full((2, 2), np.nan),
    "array of objects": lambda: np.array([object()]),
    "array of text": lambda: np.array(["a"]),
    "array of 4 axes": lambda: np.ones((1, 2, 1, 2)),
    "empty tensor": lambda: torch.zeros(0),
    "tensor": lambda: torch.ones(3),
    "scalar tensor": lambda: torch.tensor(0.5),
    "tensor of nan": lambda: torch.full((2, 2), math.nan),
    "tensor of integers": lambda: torch.arange(3),
    "tensor of booleans": lambda: torch.tensor([True, False]),
    "complex tensor": lambda: torch.ones(2, dtype=torch.complex64),
    "sparse tensor": lambda: torch.eye(3).to_sparse(),
    "meta tensor": lambda: torch.empty(3, device="meta"),
    "parameter": lambda: nn.Parameter(torch.ones(2)),
    "module": lambda: nn.Linear(2, 2),
    "network": lambda: RNN(2, 3, 1),
    "task": lambda: FlipFlop(n_bits=1, n_trials=2),
    "generator of torch": torch.Generator,
}


def _bistable(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(2 * h + x)


class Given:
    """Right values, each made once."""

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        self.rnn = RNN(2, 4, 2, seed=0)
        self.leaky = RateRNN(2, 4, 2, seed=0)
        self.states = torch.randn(6, 5, 4, generator=rng)
        self.points = find_fixed_points(self.rnn, self.states, progress=False)
        self.bistable = _bistable
        self.memories = find_fixed_points(_bistable, self.states[..., :2], torch.zeros(2))
        self.task = FlipFlop(n_bits=2, n_trials=4, duration=100.0, seed=0)
        self.decision = PerceptualDecision(n_trials=4, seed=0)
        self.batch = self.decision.batch(4)
        self.answers = nn.functional.one_hot(
            self.batch.targets, self.decision.output_size
        ).double()
        self.graph = transition_graph(self.rnn, self.points, n_runs=2)
        self.effects = lesion(self.rnn, self.task, [[0], [1]])
        self.trials = torch.randn(6, 30, 4, generator=rng)
        self.analysis = analyze(self.rnn, torch.zeros(2, 5, 2))
        self.regions = (
            MultiRegion(Region("V1", 2), Region("V2", 2)).connect("V1", "V2").build(2, 2)
        )
        self.tracks = follow(self.rnn, self.points, torch.zeros(3, 2), progress=False)
        self.history = History(steps={"loss": [1.0, 0.5]}, epochs={"loss": [0.7]})
        self.field = flow_field(self.rnn, torch.eye(4)[:2])
        line = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        self.branches = find_branches(lambda h, x: torch.tanh(2 * h + x), line, (-1.0, 1.0))
        self.phases = [Fixation(20.0), Stimulus(50.0, 1.0), Response(30.0, 1.0)]
        self.outputs, self.mask = torch.randn(3, 6, 2, generator=rng), torch.ones(3, 6)
        self.random = TrialRandom(0, [0, 1, 2])
