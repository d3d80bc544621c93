"""Any network that a lab has becomes the same map as its hand-written step."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, RNN
from pyrnn.dynamics import as_map, find_fixed_points
from pyrnn.dynamics.maps.function import FunctionMap

DTYPES = [torch.float32, torch.float64]


def gru_by_hand(h: Tensor, x: Tensor, w: dict[str, Tensor], layer: str) -> Tensor:
    """The equations of PyTorch's documentation, gate by gate."""
    a = x @ w[f"weight_ih{layer}"].T + w[f"bias_ih{layer}"]
    b = h @ w[f"weight_hh{layer}"].T + w[f"bias_hh{layer}"]
    n = h.shape[-1]
    r = 1 / (1 + torch.exp(-(a[..., :n] + b[..., :n])))
    z = 1 / (1 + torch.exp(-(a[..., n : 2 * n] + b[..., n : 2 * n])))
    new = torch.tanh(a[..., 2 * n :] + r * b[..., 2 * n :])
    return (1 - z) * new + z * h


def lstm_by_hand(
    h: Tensor, c: Tensor, x: Tensor, w: dict[str, Tensor], layer: str
) -> tuple[Tensor, Tensor]:
    gates = x @ w[f"weight_ih{layer}"].T + w[f"bias_ih{layer}"]
    gates = gates + h @ w[f"weight_hh{layer}"].T + w[f"bias_hh{layer}"]
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def rnn_by_hand(h: Tensor, x: Tensor, w: dict[str, Tensor], layer: str) -> Tensor:
    current = x @ w[f"weight_ih{layer}"].T + w[f"bias_ih{layer}"]
    return torch.tanh(current + h @ w[f"weight_hh{layer}"].T + w[f"bias_hh{layer}"])


def by_hand(module: nn.Module, n_layers: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a float64 step of stacked layers, states in torch's order."""
    w = {name: p.detach().double() for name, p in module.named_parameters()}
    layers = [f"_l{i}" for i in range(n_layers)] if isinstance(module, nn.RNNBase) else [""]
    cell = gru_by_hand if "GRU" in type(module).__name__ else rnn_by_hand
    w = {torch.float64: w, torch.float32: {k: v.float() for k, v in w.items()}}

    def step(h: Tensor, x: Tensor) -> Tensor:
        known = w[h.dtype]
        if "LSTM" not in type(module).__name__:
            sent = []
            for part, layer in zip(h.chunk(n_layers, -1), layers, strict=True):
                x = cell(part, x, known, layer)
                sent.append(x)
            return torch.cat(sent, -1)
        parts, sent, memories = h.chunk(2 * n_layers, -1), [], []
        for i, layer in enumerate(layers):
            x, c = lstm_by_hand(parts[i], parts[n_layers + i], x, known, layer)
            sent.append(x)
            memories.append(c)
        return torch.cat([*sent, *memories], -1)

    return step


def build(kind: type, n_layers: int, dtype: torch.dtype, **options: object) -> nn.Module:
    torch.manual_seed(1)
    module = kind(2, 4, **({"num_layers": n_layers} if n_layers else {}), **options).to(dtype)
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(2.0)  # several fixed points
    return module


CASES = [
    (kind, n_layers)
    for kind, layers in {
        nn.RNN: (1, 2),
        nn.GRU: (1, 2, 3),
        nn.LSTM: (1, 2),
        nn.RNNCell: (0,),
        nn.GRUCell: (0,),
        nn.LSTMCell: (0,),
    }.items()
    for n_layers in layers
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kind", "n_layers"), CASES)
def test_modules_of_torch(kind: type, n_layers: int, dtype: torch.dtype) -> None:
    module = build(kind, n_layers, dtype)
    step, truth = as_map(module), by_hand(module, n_layers or 1)
    h, x = torch.randn(7, step.state_size), torch.randn(7, 2)
    assert_close(step(h, x), truth(h, x), rtol=1e-12, atol=1e-12)
    expected = find_fixed_points(truth, h, torch.zeros(2), progress=False)
    found = find_fixed_points(module, h, torch.zeros(2), progress=False)
    assert len(found) == len(expected)
    assert_close(found.states, expected.states, rtol=0, atol=1e-10)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_states_are_those_that_torch_returns(kind: type, batch_first: bool) -> None:
    module = build(kind, 2, torch.float64, batch_first=batch_first)
    inputs = torch.randn(3, 10, 2)
    step = as_map(module)
    states = step.unroll(inputs)
    outputs, last = module(inputs if batch_first else inputs.transpose(0, 1))
    parts = step.split(states)
    assert_close(parts[1], outputs if batch_first else outputs.transpose(0, 1))
    last = torch.cat(last) if isinstance(last, tuple) else last
    assert_close(torch.stack(parts)[:, :, -1], last)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_module_inside_of_a_closure(dtype: torch.dtype) -> None:
    """In a closure the module keeps its dtype; the search uses both precisions."""
    gru, lstm = build(nn.GRU, 1, dtype), build(nn.LSTM, 2, dtype)

    def of_gru(h: Tensor, x: Tensor) -> Tensor:
        return gru(x[None], h[None])[1][0]

    def of_lstm(h: Tensor, x: Tensor) -> Tensor:
        a, b, c, d = (part.contiguous() for part in h.chunk(4, -1))
        _, (h, c) = lstm(x[None], (torch.stack([a, b]), torch.stack([c, d])))
        return torch.cat([*h, *c], -1)

    for step, module, n_layers, size in ((of_gru, gru, 1, 4), (of_lstm, lstm, 2, 16)):
        starts = torch.randn(20, size)
        expected = find_fixed_points(by_hand(module, n_layers), starts, torch.zeros(2))
        found = find_fixed_points(step, starts, torch.zeros(2))
        assert_close(found.states, expected.states, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_states_as_a_tuple(dtype: torch.dtype) -> None:
    cell = build(nn.LSTMCell, 0, dtype)
    starts = torch.randn(20, 4, dtype=dtype), torch.randn(20, 4, dtype=dtype)
    found = find_fixed_points(lambda h, x: cell(x, h), starts, torch.zeros(2))
    expected = find_fixed_points(cell, torch.cat(starts, -1), torch.zeros(2))
    assert_close(found.states, expected.states, rtol=0, atol=1e-10)
    step = as_map(lambda h, x: cell(x, h), starts, torch.zeros(2))
    assert [part.shape for part in step.split(found.states)] == [(len(found), 4)] * 2


class InputFirst(nn.Module):
    """A cell as many tutorials write it; it returns its output, too."""

    def __init__(self, n_inputs: int = 2, size: int = 5) -> None:
        super().__init__()
        self.hidden, self.input = nn.Linear(size, size), nn.Linear(n_inputs, size)
        self.readout = nn.Linear(size, 3)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.tanh(1.5 * self.hidden(h) + self.input(x))
        return self.readout(h), h


class StateFirst(InputFirst):
    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        return super().forward(x, h)[1]


class WithStep(InputFirst):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return self.forward(x, h)[1]


@pytest.mark.parametrize("kind", [InputFirst, StateFirst, WithStep])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_trial_call_tells_the_order_of_arguments(kind: type, dtype: torch.dtype) -> None:
    module = kind().to(dtype)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    h, x = torch.randn(6, 5), torch.randn(6, 2)
    weights = {name: p.detach().double() for name, p in module.named_parameters()}
    current = 1.5 * (h @ weights["hidden.weight"].T + weights["hidden.bias"])
    expected = torch.tanh(current + x @ weights["input.weight"].T + weights["input.bias"])
    assert_close(as_map(module, h, x)(h, x), expected, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_ambiguous_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"either order; write lambda h, x: module\(x, h\)"):
        as_map(InputFirst(5, 5), torch.zeros(3, 5), torch.zeros(5))

    class Joined(nn.Module):
        """Concatenation of input and state runs in either order."""

        def __init__(self) -> None:
            super().__init__()
            self.all = nn.Linear(7, 5)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(self.all(torch.cat([x, h], -1)))

    with pytest.raises(ValueError, match="either order"):
        as_map(Joined(), torch.zeros(3, 5), torch.zeros(2))


def test_a_cell_is_never_run_with_input_and_state_exchanged() -> None:
    cell = nn.GRUCell(8, 8).double()
    points = find_fixed_points(cell, torch.randn(50, 8), torch.zeros(8))
    assert len(points)
    assert_close(cell(torch.zeros(len(points), 8), points.states), points.states)


def test_a_module_that_holds_a_recurrent_one_names_it() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.GRU(3, 16)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.encoder(inputs)[0]

    with pytest.raises(ValueError, match=r"pass module\.encoder, which has a step"):
        find_fixed_points(Model(), torch.zeros(2, 16), torch.zeros(3))
    with pytest.raises(TypeError, match="expected states to try forward of Model on"):
        as_map(Model())


def test_a_bidirectional_network_has_no_step() -> None:
    with pytest.raises(ValueError, match="depends on later inputs"):
        as_map(nn.GRU(2, 3, bidirectional=True))


def test_dropout_of_modules_is_off_and_that_of_closures_refused() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = module

        def step(self, h: Tensor, x: Tensor) -> Tensor:
            return self.body(h)

    h = torch.randn(3, 4)
    expected = h.double() @ module[0].weight.detach().double().T + module[0].bias.detach().double()
    assert_close(as_map(Network(), h)(h, torch.zeros(1)), expected)
    assert module.training
    for p in (0.5, 1e-3, 1e-6):
        drop = nn.Dropout(p)
        with pytest.raises(ValueError, match=r"draws random numbers.*eval"):
            as_map(lambda h, x, drop=drop: torch.tanh(drop(h)), h)


def counting() -> Callable[[Tensor, Tensor], Tensor]:
    calls = []

    def step(h: Tensor, x: Tensor) -> Tensor:
        calls.append(None)
        return h / (1 + len(calls))

    return step


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda h, x: nn.functional.batch_norm(h, None, None, training=True), "each sample"),
        (lambda h, x: h + 1e-9 * h.mean(0), "each sample"),
        (lambda h, x: torch.tanh(h) + 1e-12 * h.flip(0), "each sample"),
        (lambda h, x: h / h.norm(), "each sample"),
        (lambda h, x: h + 1e-12 * torch.rand(1).to(h), "draws random numbers"),
        (lambda h, x: h.clone().bernoulli_(0.999) * h, "draws random numbers"),
        (counting(), "called twice"),
        (lambda h, x: h.detach() + 0 * x[..., :1], "differentiate"),
        (lambda h, x: torch.from_numpy(h.numpy()), "differentiate"),
        (lambda h, x: h[..., :3], r"got \(4, 3\)"),
        (lambda h, x: h * math.nan, "NaN"),
        (lambda h, x: h.add_(1), "differentiate"),
    ],
)
def test_steps_that_an_analysis_would_get_wrong_are_refused(
    step: Callable[[Tensor, Tensor], Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        as_map(step, torch.randn(1, 4))


class Normalized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.norm(self.layer(h)))


def test_batch_normalization_of_a_module_is_that_of_evaluation() -> None:
    module = Normalized()
    module.norm.running_mean += 1  # type: ignore[operator]
    h = torch.randn(5, 4)
    expected = module.double().eval().step(h.double(), h).detach()
    assert_close(as_map(module.float().train(), h)(h, torch.zeros(1)), expected)
    assert int(module.norm.num_batches_tracked) == 0  # type: ignore[arg-type]


def test_smoothness_is_known() -> None:
    h = torch.randn(3, 4)
    assert as_map(lambda h, x: torch.tanh(h), h).is_smooth
    assert as_map(lambda h, x: nn.functional.gelu(h), h).is_smooth
    assert not as_map(lambda h, x: torch.relu(h), h).is_smooth
    assert not as_map(lambda h, x: h.clamp(min=-1) / 2, h).is_smooth
    assert not as_map(RNN(1, 4, 1, activation="relu")).is_smooth
    assert as_map(RNN(1, 4, 1)).is_smooth
    assert not as_map(nn.RNN(1, 4, nonlinearity="relu")).is_smooth


def test_a_map_does_not_change_with_its_network() -> None:
    rnn, gru = CTRNN(2, 5, 1, seed=0), nn.GRU(2, 5)
    h, x = torch.randn(4, 5), torch.zeros(2)
    maps = [as_map(rnn), as_map(gru), as_map(rnn.step)]
    before = [step(h, x) for step in maps]
    with torch.no_grad():
        for module in (rnn, gru):
            for p in module.parameters():
                p.zero_()
    for step, expected in zip(maps, before, strict=True):
        assert torch.equal(step(h, x), expected)
        assert_close(step.to(torch.float32)(h, x), expected.float(), rtol=1e-5, atol=1e-5)


def test_a_map_is_used_as_it_is() -> None:
    step = as_map(nn.GRU(2, 5))
    assert as_map(step) is step
    assert as_map(step, torch.zeros(3, 5), torch.zeros(2)) is step


def test_functions_of_unknown_width_wait_for_states() -> None:
    step = as_map(lambda h, x: torch.tanh(2 * h))
    assert step.state_size is None
    assert len(find_fixed_points(step, torch.linspace(-1, 1, 9)[:, None])) == 3
    with pytest.raises(ValueError, match="each sample"):
        find_fixed_points(as_map(lambda h, x: h - h.mean(0)), torch.randn(5, 2))


def test_what_has_no_step_is_refused() -> None:
    for thing in (3, "rnn", None, [1, 2]):
        with pytest.raises(TypeError, match=r"expected a network with step\(h, x\)"):
            as_map(thing, torch.zeros(2, 2))  # type: ignore[arg-type]


def test_constants_of_another_dtype_are_cast_and_others_are_left_alone() -> None:
    half = torch.tensor([0.5], dtype=torch.float64)
    starts = torch.ones(2, 1)
    for dtype in DTYPES:
        plain = as_map(lambda h, x: h / 2, starts).to(dtype)
        assert isinstance(plain, FunctionMap)
        assert not plain.is_cast
        mixed = as_map(lambda h, x: h * half, starts).to(dtype)
        assert isinstance(mixed, FunctionMap)
        assert mixed.is_cast == (dtype is torch.float32)
        assert mixed(starts, starts[:, :0]).dtype is dtype
