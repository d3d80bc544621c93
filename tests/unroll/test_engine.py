"""Who gets which engine, and that nobody can tell by the numbers."""

import copy
import functools
import pickle

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import pyrnn
from pyrnn import CTRNN, RNN, RateRNN
from pyrnn.networks import LowRankRNN
from pyrnn.unroll import form_of, fused, has_form
from pyrnn.unroll.engine import ENGINES

FAST = "fused" if fused.is_available() else "bptt"
NETWORKS = {
    "RNN": lambda **options: RNN(3, 20, 2, **options),
    "CTRNN": lambda **options: CTRNN(3, 20, 2, tau=50.0, **options),
    "RateRNN": lambda **options: RateRNN(3, 20, 2, tau=50.0, **options),
    "LowRankRNN": lambda **options: LowRankRNN(3, 20, 2, rank=2, **options),
    "per-unit tau": lambda **options: CTRNN(3, 20, 2, tau=torch.arange(20) + 11.0, **options),
    "learned tau": lambda **options: RateRNN(3, 20, 2, train_tau=True, **options),
    "Dale": lambda **options: CTRNN(3, 20, 2, dale_ratio=0.8, autapses=False, **options),
    "biases": lambda **options: RNN(3, 20, 2, bias=["w_in", "w_rec"], **options),
    "no bias": lambda **options: RateRNN(3, 20, 2, bias=False, **options),
    "noise": lambda **options: CTRNN(3, 20, 2, noise=0.3, **options),
    "initial state": lambda **options: RNN(3, 20, 2, train_initial_state=True, **options),
}
kinds = pytest.mark.parametrize("kind", NETWORKS)


def build(kind, activation="tanh"):
    rnn = NETWORKS[kind](activation=activation, seed=0)
    with torch.no_grad():
        rnn.w_out.weight.normal_(std=0.2)
        rnn.h0.normal_()
    return rnn


def loss_and_gradients(rnn, engine, inputs):
    rnn = copy.deepcopy(rnn)
    rnn.engine = engine
    rnn.generator.manual_seed(0)
    outputs, states = rnn(inputs)
    loss = outputs.square().mean() + 0.1 * states.square().mean()
    return [outputs, states, loss, *torch.autograd.grad(loss, list(rnn.parameters()))]


@kinds
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "eager"])
def test_all_engines_agree(kind, activation, engine):
    if engine == "fused" and not fused.is_available():
        pytest.skip("the kernel is not compiled")
    rnn, inputs = build(kind, activation), torch.randn(4, 15, 3)
    expected = loss_and_gradients(rnn, "eager", inputs)
    assert_close(loss_and_gradients(rnn, engine, inputs), expected, rtol=1e-9, atol=1e-9)


@kinds
def test_built_in_networks_are_fast(kind):
    assert build(kind).engine.name == FAST
    assert build(kind).float().engine.name == FAST


@pytest.mark.parametrize("batch_shape", [(), (2,), (2, 3)], ids=str)
def test_any_number_of_batch_axes(batch_shape):
    rnn, inputs = build("CTRNN"), torch.randn(*batch_shape, 5, 3)
    fast = rnn(inputs)
    rnn.engine = "eager"
    assert fast.outputs.shape == (*batch_shape, 5, 2)
    assert_close(fast, rnn(inputs))


class Rectified(CTRNN):
    def step(self, h, x):
        return torch.relu((1 - self.alpha) * h + self.alpha * (self.w_rec(h) + self.w_in(x)))


class Twice(CTRNN):
    def readout(self, states):
        return 2 * super().readout(states)


class OwnActivation(CTRNN):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.f = lambda x: torch.tanh(2 * x)


def test_a_step_of_ones_own_is_never_replaced():
    rnn, inputs = Rectified(3, 8, 2, seed=0), torch.randn(4, 6, 3)
    h = rnn.initial_state((4,))
    for t in range(6):
        h = rnn.step(h, inputs[:, t])
    assert_close(rnn(inputs).states[:, -1], h)
    assert rnn.engine.name == "eager"
    assert "step of its own" in rnn.engine.reason


def test_a_step_set_on_the_instance_is_never_replaced():
    rnn = CTRNN(3, 8, 2)
    rnn.step = lambda h, x: h + 1
    assert_close(rnn(torch.zeros(4, 3)).states[:, 0], torch.arange(4) + 1.0)


def test_a_readout_of_ones_own_is_kept():
    ours, plain = Twice(3, 8, 2, seed=0), CTRNN(3, 8, 2, seed=0)
    ours.w_out.weight.data.normal_()
    plain.load_state_dict(ours.state_dict())
    inputs = torch.randn(4, 6, 3)
    assert ours.engine.name == FAST
    assert_close(ours(inputs).outputs, 2 * plain(inputs).outputs)


class WithAlpha(RNN):
    """A network in discrete time with an attribute that has the name of another equation's."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.alpha = 0.5


def test_an_attribute_of_ones_own_is_not_part_of_the_equation():
    ours, plain, inputs = WithAlpha(3, 8, 2, seed=0), RNN(3, 8, 2, seed=0), torch.randn(4, 6, 3)
    assert ours.engine.name == FAST
    assert_close(ours(inputs), plain(inputs))


def test_an_activation_of_ones_own_is_kept():
    rnn, inputs = OwnActivation(3, 8, 2, seed=0), torch.randn(6, 3)
    assert rnn.engine.name == "eager"
    assert_close(rnn(inputs).states[0], rnn.step(rnn.initial_state(), inputs[0]))


@pytest.mark.parametrize("layer", ["w_in", "w_rec"])
def test_a_layer_of_ones_own_is_kept(layer):
    rnn = RNN(3, 3, 2)
    setattr(rnn, layer, nn.Sequential(nn.Linear(3, 3), nn.Tanh()))
    assert rnn.engine.name == "eager"
    assert layer in rnn.engine.reason


def test_a_hook_on_a_layer_is_called():
    rnn, calls = RNN(3, 8, 2), []
    rnn.w_rec.register_forward_hook(lambda *_: calls.append(1))
    rnn(torch.zeros(4, 3))
    assert len(calls) == 4


def test_an_engine_can_be_forced_and_freed():
    rnn = CTRNN(3, 8, 2)
    rnn.engine = "bptt"
    assert str(rnn.engine) == "bptt: asked for"
    rnn.engine = None
    assert rnn.engine.name == FAST


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="engine to be one of fused, bptt, eager; got 'jit'"):
        RNN(3, 8, 2).engine = "jit"
    with pytest.raises(TypeError, match="engine to be one of fused, bptt, eager; got 3"):
        RNN(3, 8, 2).engine = 3


def test_a_fast_engine_is_refused_to_a_step_of_ones_own():
    with pytest.raises(ValueError, match="Rectified has a step of its own"):
        Rectified(3, 8, 2).engine = "fused"


def test_without_the_kernel_backpropagation_is_by_torch(monkeypatch):
    monkeypatch.setattr(fused, "is_available", lambda: False)
    rnn = CTRNN(3, 8, 2)
    assert rnn.engine.name == "bptt"
    with pytest.raises(ValueError, match="no compiled kernel"):
        rnn.engine = "fused"


def test_float16_is_left_to_torch():
    assert RNN(3, 8, 2).bfloat16().engine.name == "bptt"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # by torch's own forward mode
@pytest.mark.parametrize("kind", ["RNN", "CTRNN", "learned tau"])
def test_transforms_of_torch_func_work(kind):
    rnn, inputs = build(kind).eval(), torch.randn(4, 5, 3)
    assert_close(torch.func.vmap(lambda x: rnn(x).outputs)(inputs), rnn(inputs).outputs)
    jacobian = torch.func.jacrev(lambda x: rnn(x).outputs.sum((0, 1)))(inputs)
    forward_mode = torch.func.jacfwd(lambda x: rnn(x).outputs.sum((0, 1)))(inputs)
    assert_close(jacobian, forward_mode)
    leaf = inputs.clone().requires_grad_()
    (reverse,) = torch.autograd.grad(rnn(leaf).outputs[..., 0].sum(), leaf)
    assert_close(jacobian[0], reverse)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (torch._C, "_are_functorch_transforms_active"),
        (torch.autograd.forward_ad, "_current_level"),
    ],
)
def test_without_a_private_name_of_torch_the_step_is_called(owner, name, monkeypatch):
    monkeypatch.delattr(owner, name)
    rnn, inputs, calls = build("RNN"), torch.randn(4, 5, 3), []
    expected = rnn(inputs)
    monkeypatch.setattr(RNN, "step", counted(RNN.step, calls))
    assert_close(rnn(inputs), expected)
    with rnn.training_loop() as forward:
        assert_close(forward(inputs)[0], expected)
    assert len(calls) == 10


def counted(step, calls):
    @functools.wraps(step)
    def call(*args):
        calls.append(1)
        return step(*args)

    return has_form(form_of(step))(call)


@pytest.mark.parametrize("kind", ["CTRNN", "RateRNN", "learned tau"])
def test_the_gradient_can_be_differentiated(kind):
    rnn, inputs = build(kind), torch.randn(4, 5, 3)
    parameters, seconds = list(rnn.parameters()), []
    for engine in ("eager", None):
        rnn.engine = engine
        loss = rnn(inputs).outputs.square().mean()
        first = torch.autograd.grad(loss, parameters, create_graph=True)
        norm = sum(g.square().sum() for g in first)
        seconds.append(torch.autograd.grad(norm, parameters, allow_unused=True))
    assert_close(seconds[0], seconds[1], rtol=1e-9, atol=1e-9)


def test_predict_gives_the_states_of_forward():
    rnn, inputs = build("CTRNN"), torch.randn(7, 5, 3)
    assert_close(rnn.predict(inputs, batch_size=2, progress=False), rnn(inputs))


def test_nan_in_one_trial_stays_there():
    rnn, inputs = build("CTRNN"), torch.zeros(3, 5, 3)
    inputs[1, 2, 0] = torch.nan
    outputs = rnn(inputs).outputs
    assert not outputs[[0, 2]].isnan().any()
    assert not outputs[1, :2].isnan().any()
    assert outputs[1, 2:].isnan().all()


def test_a_forced_engine_is_kept_in_files_where_it_can_run(tmp_path, monkeypatch):
    rnn = CTRNN(3, 8, 2)
    rnn.engine = "eager"
    path = rnn.save(tmp_path / "rnn.pt")
    assert pyrnn.load(path).engine.name == "eager"
    assert pickle.loads(pickle.dumps(rnn)).engine.name == "eager"
    rnn.engine = FAST
    rnn.save(path)
    monkeypatch.setattr(fused, "is_available", lambda: False)
    assert pyrnn.load(path).engine.name == "bptt"


@pytest.mark.parametrize("name", ["RNN", "CTRNN", "noise", "learned tau"])
def test_a_long_sequence_is_unrolled_in_parts(name, monkeypatch):
    """So that Ctrl-C need not wait for the end of it."""
    rnn, inputs = build(name), torch.randn(3, 23, 3)
    with torch.no_grad():
        rnn.generator.manual_seed(0)
        whole = rnn(inputs)
        monkeypatch.setattr("pyrnn.unroll.engine._WORK", 3 * 20 * 23 * 5)
        rnn.generator.manual_seed(0)
        assert_close(rnn(inputs), whole)


def test_long_sequences_with_gradients_are_unrolled_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C waits for one part, not for the whole sequence; the numbers are the same."""
    rnn, inputs = RNN(2, 8, 1, seed=0), torch.randn(3, 50, 2)
    results = []
    for work in (2**40, 3 * 2 * 8 * 10 * 7):
        monkeypatch.setattr("pyrnn.unroll.engine._WORK", work)
        rnn.zero_grad()
        outputs, states = rnn(inputs)
        (outputs.square().sum() + states.square().sum()).backward()
        results.append([states, *(p.grad for p in rnn.parameters())])
    torch.testing.assert_close(*results)
