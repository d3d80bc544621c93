"""A step in the kernel is a step of torch: the same numbers to rounding, in one call."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.constraints import Bounds, constrain
from pyrnn.tasks import FlipFlop, PerceptualDecision
from pyrnn.training import L2, Training
from pyrnn.training.losses import LOSSES
from pyrnn.unroll import fused
from tests.training.cases import TASK, fit, make
from tests.unroll.cases import guarded

pytestmark = pytest.mark.skipif(not fused.is_available(), reason="no compiled kernel")

TRIALS, STEPS, OUTPUTS = 10, 7, 3


def trials(targets: Tensor, mask: Tensor | None = None) -> list[tuple[Tensor, ...]]:
    inputs = torch.randn(len(targets), STEPS, 2, generator=torch.Generator().manual_seed(1))
    columns = (inputs, targets) if mask is None else (inputs, targets, mask)
    return list(zip(*columns, strict=True))


def random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(2))


def both(build, dataset, **options: object) -> tuple[RNNBase, RNNBase]:
    """Train in the kernel, and by torch, to which a loss of one's own leads."""
    name = options.pop("loss", "mse")
    options = {"epochs": 4, "batch_size": 4, "progress": False, "seed": 0, "lr": 0.01} | options
    kernel, other = build(), build()
    kernel.fit(dataset, loss=name, **options)
    other.fit(dataset, loss=lambda *given: LOSSES[name](*given), **options)
    assert kernel.history.engine == "kernel"
    assert other.history.engine == "torch: a loss that is none of pyrnn's"
    return kernel, other


def assert_equal_to_rounding(kernel: RNNBase, other: RNNBase) -> None:
    for name, column in other.history.steps.items():
        torch.testing.assert_close(
            torch.tensor(kernel.history.steps[name]), torch.tensor(column), rtol=1e-9, atol=1e-11
        )
    for mine, theirs in zip(kernel.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)


def confined() -> RNN:
    rnn = RNN(2, 9, OUTPUTS, dale_ratio=0.8, autapses=False, seed=0)
    rnn.w_out.weight = 0.3 * random(OUTPUTS, 9) - 0.1
    constrain(rnn.w_in, Bounds(-0.05, 0.4))  # so narrow that steps are folded at both ends
    constrain(rnn.w_out, Bounds(high=0.1))
    return rnn


NETWORKS = {
    "confined": confined,
    "current": lambda: CTRNN(2, 9, OUTPUTS, tau=[20.0, 40.0, 80.0] * 3, seed=0),
    "rate": lambda: RateRNN(2, 9, OUTPUTS, activation="softplus", noise=0.3, seed=0),
    "all that learns": lambda: RNN(
        2, 9, OUTPUTS, bias=["w_in", "w_rec", "w_out"], train_initial_state=True, seed=0
    ),
    "little that learns": lambda: RNN(2, 9, OUTPUTS, bias=False, frozen=["w_in", "w_rec"], seed=0),
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_networks(build) -> None:
    data = trials(random(TRIALS, STEPS, OUTPUTS))
    assert_equal_to_rounding(*both(build, data, lr=0.05))


STEPWISE = random(TRIALS, STEPS).round()
UNSCORED = torch.where(STEPWISE > 0, 1.0, torch.nan)
CLASSES = torch.where(STEPWISE > 0, (OUTPUTS * random(TRIALS, STEPS)).long(), 99)
LOSS_CASES = {
    "mse": ("mse", random(TRIALS, STEPS, OUTPUTS), None),
    "mse, unscored": ("mse", random(TRIALS, STEPS, OUTPUTS) * UNSCORED[..., None], 3 * STEPWISE),
    "mse, per output": ("mse", random(TRIALS, STEPS, 3), random(TRIALS, STEPS, 3) ** 2),
    "classes": ("cross_entropy", CLASSES.clamp(max=2), None),
    "classes, unscored": ("cross_entropy", CLASSES, 3 * STEPWISE),
    "short classes": ("cross_entropy", CLASSES.clamp(max=2).to(torch.int16), random(10, STEPS)),
    "probabilities": ("cross_entropy", random(TRIALS, STEPS, OUTPUTS), random(TRIALS, STEPS)),
    "bits": ("binary_cross_entropy", random(TRIALS, STEPS, OUTPUTS).round(), STEPWISE),
    "counts": ("poisson", (3 * random(TRIALS, STEPS, OUTPUTS)).round(), STEPWISE),
    "nothing in a batch": (
        "mse",
        random(TRIALS, STEPS, 3),
        STEPWISE * (torch.arange(10) > 5)[:, None],
    ),
}


@pytest.mark.parametrize("case", LOSS_CASES.values(), ids=LOSS_CASES)
def test_losses(case: tuple[str, Tensor, Tensor | None]) -> None:
    name, targets, mask = case
    data = trials(targets, mask)
    assert_equal_to_rounding(*both(NETWORKS["rate"], data, loss=name, shuffle=False))


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adamw"},
        {"optimizer": "sgd", "lr": 0.3},
        {"clip_norm": None},
        {"clip_norm": None, "clip_value": 0.001},
        {"clip_norm": 0.01, "clip_value": 0.001},
        {"scheduler": "cosine"},
        {"scheduler": lambda o: OneCycleLR(o, 0.02, total_steps=99)},  # changes the betas, too
        {"batch_size": 3},
        {"validation": 0.2},
    ],
    ids="-".join,
)
def test_options(options: dict[str, object]) -> None:
    data = trials(random(TRIALS, STEPS, OUTPUTS))
    assert_equal_to_rounding(*both(confined, data, **options))


def test_float32_agrees_as_far_as_it_goes() -> None:
    torch.set_default_dtype(torch.float32)
    task = FlipFlop(n_trials=256, seed=0)
    kernel, other = both(lambda: CTRNN(3, 32, 3, dale_ratio=0.8, seed=0), task, batch_size=64)
    mine, theirs = (torch.tensor(rnn.history.loss) for rnn in (kernel, other))
    torch.testing.assert_close(mine, theirs, rtol=2e-6, atol=0)


def test_trials_of_different_duration_and_classes() -> None:
    task = PerceptualDecision(n_trials=64, seed=0)
    sizes = task.input_size, 16, task.output_size
    kernel, other = both(
        lambda: RateRNN(*sizes, dt=100.0, activation="relu", seed=0), task, loss="cross_entropy"
    )
    assert_equal_to_rounding(kernel, other)


def test_the_state_of_the_optimizer_is_that_of_torch() -> None:
    states = []

    def look(training: Training) -> None:
        states.append(next(iter(training.optimizer.state.values())))

    data = trials(random(TRIALS, STEPS, OUTPUTS))
    both(confined, data, callbacks=look, epochs=1)
    assert states[0].keys() == states[1].keys() == {"step", "exp_avg", "exp_avg_sq"}
    for name, mine in states[0].items():
        torch.testing.assert_close(mine, states[1][name], rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("n", [2, 7])
def test_a_step_does_not_depend_on_the_number_of_threads(n: int, monkeypatch) -> None:
    networks = []
    for count in (1, n):
        monkeypatch.setattr(fused, "thread_count", lambda work, count=count: count)
        networks.append(RNN(2, 9, OUTPUTS, seed=0))
        data = trials(random(40, STEPS, OUTPUTS))
        networks[-1].fit(data, epochs=2, batch_size=40, seed=0, progress=False)
    for mine, theirs in zip(*(rnn.parameters() for rnn in networks), strict=True):
        assert torch.equal(mine, theirs)


class Own(RNN):
    def initial_state(self, batch_shape=()):
        return super().initial_state(batch_shape) + 1


REASONS = {
    "Own has a forward or an initial state of its own": (lambda: Own(1, 8, 1), {}),
    "GRU has a step of its own": (lambda: GRU(1, 8, 1), {}),
    "a weight has a parametrization of another kind": (lambda: LowRankRNN(1, 8, 1, rank=2), {}),
    "the time constants learn": (lambda: CTRNN(1, 8, 1, train_tau=True), {}),
    "the penalties l2": (make, {"penalties": L2(0.1)}),
    "the optimizer RMSprop, or an option of it": (make, {"optimizer": "rmsprop"}),
    "the optimizer SGD, or an option of it": (make, {"optimizer": torch.optim.SGD}),
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_for_another_engine_is_told(reason: str) -> None:
    build, options = REASONS[reason]
    assert fit(build(), epochs=1, **options).engine == f"torch: {reason}"


def test_what_a_callback_changes_is_noticed() -> None:
    engines = []

    def freeze(training: Training) -> None:
        engines.append(training.history.engine)
        training.rnn.w_in.requires_grad_(False)

    rnn = make()
    fit(rnn, epochs=2, callbacks=freeze)
    assert engines == ["kernel", "torch: a layer that was frozen during training"]
    extra = make()
    extra.more = nn.Parameter(torch.zeros(2))
    assert "in addition" in fit(extra).engine


def test_a_long_batch_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = make(), make()
    fit(whole)
    monkeypatch.setattr("pyrnn.unroll.train._WORK", 1)
    fit(parts)
    assert parts.history.engine == "torch: a batch that is too large for one call of the kernel"
    assert_equal_to_rounding(whole, parts)


def test_a_loss_that_is_not_finite_leaves_the_weights() -> None:
    rnn = make()
    rnn.w_out.bias.data.fill_(1e300)
    before = rnn.w_rec.weight.clone()
    with pytest.raises(FloatingPointError, match="expected a finite loss, got inf"):
        fit(rnn)
    assert torch.equal(rnn.w_rec.weight, before)


def test_memory_that_is_not_contiguous_is_copied() -> None:
    inputs, targets, mask = TASK.batch(8)

    class Turned(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 8

        def batch(self, indices: Tensor) -> tuple[Tensor, ...]:
            rows = inputs[indices], targets[indices], mask[indices]
            return tuple(row.transpose(0, 1).contiguous().transpose(0, 1) for row in rows)

    first, second = make(), make()
    for rnn, data in ((first, Turned()), (second, [*TASK.batch(8).unbind()])):
        rnn.fit(data, epochs=2, batch_size=8, seed=0, progress=False)
        assert rnn.history.engine == "kernel"
    assert first.history.loss == second.history.loss


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_nothing_is_read_beyond_bounds_and_batches() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(reads_inside).result(timeout=60) == "kernel"


def reads_inside() -> str:
    rnn = confined()
    for buffer in rnn.buffers():
        buffer.data = guarded(buffer)
    batch = trials(random(3, STEPS, OUTPUTS), random(3, STEPS))
    batch = [tuple(map(guarded, trial)) for trial in batch]
    rnn.fit(batch, loss="mse", epochs=1, batch_size=1, progress=False)
    return rnn.history.engine
