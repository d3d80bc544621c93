"""Results show themselves, become tables and files, and files of version 0.1 are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor
from torch.testing import assert_close

from pyrnn import RNN, LowRankRNN, dynamics
from pyrnn.dynamics import (
    Attractors,
    Branch,
    Certificates,
    Cycle,
    FixedPoints,
    Linearization,
    Manifold,
    SlowPoints,
    find_attractors,
    find_branches,
    find_cycles,
    find_fixed_points,
    find_limit_cycle,
    find_manifolds,
    find_slow_points,
    flow_field,
    linearize,
    load,
)
from pyrnn.result import Report, Result

FORMER = Path(__file__).parent / "data" / "0.1"
LINE = torch.linspace(-1, 1, 9)[:, None]


def tanh2(h: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(2 * h + x)


def turning(h: Tensor, x: Tensor) -> Tensor:
    w = torch.tensor([[1.5, -1.0], [1.0, 1.5]]).to(h)
    return h + 0.1 * (torch.tanh(h @ w.T) - h)


def marginal() -> RNN:
    """Return a unit at its pitchfork."""
    rnn = RNN(1, 1, 1)
    rnn.w_rec.weight.data.fill_(1.0)
    return rnn


def bistable() -> LowRankRNN:
    """Return a network of rank one with two memories."""
    rnn = LowRankRNN(1, 20, 1, rank=1, seed=0)
    rnn.n.data, rnn.w_in.weight.data = 2 * rnn.m.data, rnn.m.data
    return rnn


RAMP = torch.linspace(-1, 1, 11)[:, None]


def tracks() -> Result:
    return dynamics.follow(tanh2, find_fixed_points(tanh2, LINE, RAMP[0]), RAMP)


MAKERS: dict[str, Callable[[], Result]] = {
    "FixedPoints": lambda: find_fixed_points(tanh2, LINE),
    "FixedPoint": lambda: find_fixed_points(tanh2, LINE)[0],
    "SlowPoints": lambda: find_slow_points(tanh2, LINE, [0.55]),
    "Certificates": lambda: dynamics.certify(tanh2, find_fixed_points(tanh2, LINE)),
    "Proof": lambda: dynamics.prove_complete(marginal(), progress=False),
    "Boxes": lambda: dynamics.prove_complete(marginal(), progress=False).undecided,
    "InputProof": lambda: dynamics.prove_along(bistable(), [0.0], [1.0], progress=False),
    "Manifolds": lambda: find_manifolds(lambda h, x: 1.0 * h, LINE),
    "Manifold": lambda: find_manifolds(lambda h, x: 1.0 * h, LINE)[0],
    "Cycles": lambda: find_cycles(lambda h, x: torch.tanh(-2 * h), LINE, periods=[1, 2]),
    "Cycle": lambda: find_cycles(lambda h, x: torch.tanh(-2 * h), LINE, periods=[2])[0],
    "Attractors": lambda: find_attractors(tanh2, LINE),
    "Branches": lambda: find_branches(tanh2, LINE, (-1.0, 1.0)),
    "Branch": lambda: find_branches(tanh2, LINE, (-1.0, 1.0))[0],
    "Bifurcation": lambda: find_branches(tanh2, LINE, (-1.0, 1.0))[0].bifurcations[0],
    "Tracks": tracks,
    "Event": lambda: tracks().events[0],  # type: ignore[attr-defined]
    "Linearization": lambda: linearize(tanh2, LINE),
    "FlowField": lambda: flow_field(turning, torch.eye(2), n=3),
    "LimitCycle": lambda: find_limit_cycle(
        turning, [0.5, 0.1], dt=0.1, max_duration=40.0, n_samples=200
    ),  # type: ignore[dict-item, return-value]
}


@pytest.fixture(scope="module", params=MAKERS)
def result(request: pytest.FixtureRequest) -> Result:
    made = MAKERS[request.param]()
    assert type(made).__name__ == request.param
    return made


def test_every_result_has_its_case() -> None:
    kinds = [getattr(dynamics, name) for name in dynamics.__all__]
    results = {
        kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, Result)
    }
    assert results - {"SlowPoint"} == set(MAKERS)


def test_a_result_shows_itself(result: Result) -> None:
    text = result.summary()
    console = Console(width=120)
    with console.capture() as capture:
        console.print(result)
    first = text.splitlines()[0]
    assert first in " ".join(capture.get().split())
    assert first in result._repr_html_()
    assert result._repr_html_().count("<table>") == 1
    assert isinstance(result.status, str)
    assert result.status


def test_a_result_becomes_a_table(result: Result) -> None:
    frame = result.to_pandas()
    assert len(frame.columns) >= 1
    if len(getattr(result, "items", ())):
        assert len(frame) >= len(result.items)


def test_a_result_survives_a_file(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "deep" / "result.npz")
    assert path == tmp_path / "deep" / "result.npz"
    loaded = load(path)
    assert type(loaded) is type(result)
    assert repr(loaded) == repr(result) or "tensor" in repr(result)
    assert loaded.summary() == result.summary()
    assert type(result).load(path).to_pandas().equals(result.to_pandas())


def test_a_result_is_frozen(result: Result) -> None:
    with pytest.raises(AttributeError):
        result.states = torch.zeros(1)  # type: ignore[attr-defined]


def test_html_escapes_what_it_shows() -> None:
    report = Report("<b>", ("&",), [("<script>",)], ["a < b"])
    assert "<script>" not in report.to_html()
    assert "&lt;script&gt;" in report.to_html()


def test_points_of_version_01() -> None:
    """Eigenvalues are those that numpy takes of the Jacobians in the file."""
    points = FixedPoints.load(FORMER / "points.npz")
    with np.load(FORMER / "points.npz") as file:
        names = json.loads(str(file["header"]))["result"]["fields"]
        jacobians = file[names["jacobians"]["array"]]
    moduli = np.sort(np.abs(np.linalg.eigvals(jacobians)))[:, ::-1]
    assert len(points) == 9
    assert_close(points.eigenvalues.abs(), torch.tensor(moduli.copy()))
    assert points.n_unstable.tolist() == [0] * 4 + [1] * 4 + [2]
    assert "rounds" in points.summary()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("slow", SlowPoints),
        ("certificates", Certificates),
        ("attractors", Attractors),
        ("linearisation", Linearization),
        ("cycles", list[Cycle]),
        ("branches", list[Branch]),
        ("manifolds", list[Manifold]),
    ],
)
def test_results_of_version_01(name: str, kind: type) -> None:
    result = load(FORMER / f"{name}.npz")
    items = result if isinstance(result, list) else [result]
    wanted = getattr(kind, "__args__", (kind,))[0]
    assert items
    assert all(type(item) is wanted for item in items)
    for item in items:
        assert item.summary()


def test_a_branch_of_version_01_keeps_its_folds() -> None:
    (branch,) = load(FORMER / "branches.npz")  # type: ignore[misc]
    assert [event.kind for event in branch.bifurcations] == ["fold", "fold"]
    assert branch.n_unstable.unique().tolist() == [0, 1]


def subclasses(cls):
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


def test_results_and_maps_are_displayed_in_a_line_not_by_all_their_numbers():
    assert repr(Report("1 point", rows=[("kind", "saddle")])) == "1 point\n  kind  saddle"
    assert (
        repr(linearize(RNN(2, 8, 1), torch.zeros(3, 8)))
        == "Linearization(linearization at 3 states)"
    )
    assert (
        repr(dynamics.as_map(torch.nn.GRU(3, 8))) == "CellMap(state_size=8, input_size=3, dt=1.0)"
    )
    ours = [each for base in (Result, dynamics.Map) for each in subclasses(base)]
    written_by_dataclass = [
        each.__name__
        for each in ours
        if each.__module__.startswith("pyrnn.") and hasattr(each.__repr__, "__wrapped__")
    ]
    assert len(ours) > 20
    assert written_by_dataclass == []
