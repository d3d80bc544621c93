"""A network's file: complete, safe to read, never half written."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm
from torch.testing import assert_close

import pyrnn
from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.activations import register_activation
from pyrnn.constraints import Bounds, Dale, Fixed, constrain, intervals
from pyrnn.linear import Linear
from pyrnn.tasks import FlipFlop


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


class Gated(CTRNN):
    """A user's subclass with an argument of its own and a constant of its own."""

    def __init__(self, *sizes: int, gate: float = 0.5, **options: object):
        super().__init__(*sizes, **options)
        self.gate = gate
        self.register_buffer("offset", torch.rand(self.hidden_size))

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return self.gate * super().step(h, x) + 0.01 * self.offset


NETWORKS = [
    lambda: RNN(2, 6, 1, activation=torch.sin),
    lambda: RNN(2, 6, 1, activation="relu", init="orthogonal"),
    lambda: CTRNN(2, 6, 1, dale_ratio=0.5, autapses=False, tau=np.full(6, 50.0)),
    lambda: CTRNN(2, 6, 1, dale_ratio=[1, 1, 0, -1, -1, -1], activation=swish),
    lambda: CTRNN(2, 6, 1, tau=40.0, train_tau=True, tau_bounds=(20.0, 80.0)),
    lambda: RateRNN(2, 6, 1, connectivity=np.eye(6)[::-1].copy(), bias=["w_in"], noise=0.1),
    lambda: RateRNN(2, 6, 1, connectivity={"w_out": torch.tensor([[1, 0, -1, 1, 0, -1]])}),
    lambda: LowRankRNN(2, 6, 1, rank=2, random_gain=0.5),
    lambda: GRU(2, 6, 1, train_initial_state=True),
    lambda: LSTM(2, 6, 1, frozen=["w_in", "w_out"]),
    lambda: Gated(2, 6, 1, gate=0.25),
    lambda: RNN(2, 6, 1).float(),
]


@pytest.mark.parametrize("make", NETWORKS)
def test_network_is_the_same_after_save_and_load(make, tmp_path: Path) -> None:
    rnn = make()
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    assert type(again).__mro__[-4:] == type(rnn).__mro__[-4:]
    assert str(again) == str(rnn)
    inputs = torch.randn(3, 5, 2)
    for mine, yours in zip(rnn.predict(inputs), again.predict(inputs), strict=True):
        assert torch.equal(mine, yours)
    learns = [(name, p.requires_grad, p.dtype) for name, p in rnn.named_parameters()]
    assert learns == [(name, p.requires_grad, p.dtype) for name, p in again.named_parameters()]


def test_constraints_added_by_hand_come_back(tmp_path: Path) -> None:
    rnn = RNN(2, 3, 1)
    constrain(rnn.w_in, Bounds(-0.1, 0.2))
    constrain(rnn.w_out, Fixed([[0.5, torch.nan, torch.nan]]))
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    for name in ("w_in", "w_out"):
        for mine, yours in zip(
            intervals(getattr(rnn, name)), intervals(getattr(again, name)), strict=True
        ):
            assert torch.equal(mine, yours)


def test_history_comes_back(tmp_path: Path) -> None:
    rnn = RNN(1, 4, 1)
    history = rnn.fit(FlipFlop(n_bits=1, n_trials=4), epochs=2, progress=False)
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    assert again.history.to_dict() == history.to_dict()


def test_path_may_be_text_and_in_a_new_folder(tmp_path: Path) -> None:
    path = RNN(1, 2, 1).save(str(tmp_path / "new" / "rnn.pt"))
    assert path == tmp_path / "new" / "rnn.pt"
    assert isinstance(pyrnn.load(str(path)), RNN)


def test_load_of_a_class_checks_the_class(tmp_path: Path) -> None:
    path = CTRNN(1, 2, 1).save(tmp_path / "rnn.pt")
    assert isinstance(CTRNN.load(path), CTRNN)
    assert isinstance(RNNBase.load(path), CTRNN)
    with pytest.raises(ValueError, match=r"of class RateRNN in .*of class CTRNN; use pyrnn.load"):
        RateRNN.load(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got no file at"):
        pyrnn.load(tmp_path / "nothing.pt")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_file(share: float, tmp_path: Path) -> None:
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"can't be read.*truncated or of another program"):
        pyrnn.load(path)


def test_file_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="holds a dict of another program; load it with torch"):
        pyrnn.load(path)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "hacked"),)

    for save in (torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))):
        save({"format": "pyrnn network", "version": 1, "network": Evil()}, tmp_path / "evil.pt")
        with pytest.raises(ValueError, match="can't be read"):
            pyrnn.load(tmp_path / "evil.pt")
    assert not (tmp_path / "hacked").exists()


class Forgetful(RNN):
    def load_state_dict(self, *args: Any, **options: Any) -> object:
        found = super().load_state_dict(*args, **options)
        self.w_rec.bias.data.add_(1.0)
        return found


def test_weights_that_would_not_come_back_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got another w_rec\.bias"):
        Forgetful(2, 4, 1).save(tmp_path / "rnn.pt")


@pytest.mark.parametrize(
    "double", [lambda x: [x, x], lambda x: (x, x), lambda x: {"a": x, "b": x}], ids="ltd"
)
def test_a_small_file_of_endless_parts_is_refused(double, tmp_path: Path) -> None:
    """Two references to one list, thirty times over: a billion parts in a few kilobytes."""
    path, part = tmp_path / "many.pt", 0
    for _ in range(30):
        part = double(part)
    torch.save({"format": "pyrnn network", "version": 1, "part": part}, path)
    with pytest.raises(ValueError, match=r"many\.pt of endless parts"):
        pyrnn.load(path)


def test_a_compressed_file_is_refused(tmp_path: Path) -> None:
    """Gigabytes of zeros fit into a file of some kilobytes."""
    path, small = tmp_path / "large.pt", tmp_path / "small.pt"
    torch.save({"weight": torch.zeros(100_000)}, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    with pytest.raises(ValueError, match=r"small\.pt, which can't be read"):
        pyrnn.load(small)


def test_file_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "rnn.pt"
    torch.save({"format": "pyrnn network", "version": 99}, path)
    with pytest.raises(ValueError, match=r"got version 99.*update pyrnn"):
        pyrnn.load(path)


def test_class_that_has_changed_since(tmp_path: Path) -> None:
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    content = torch.load(path, weights_only=True)
    content["network"]["config"]["color"] = "blue"
    content["version"] = 2  # of files without a checksum
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"fit the network's class as it is now.*color"):
        pyrnn.load(path)


def test_class_that_is_not_imported(tmp_path: Path) -> None:
    path = Gated(1, 4, 1).save(tmp_path / "rnn.pt")
    load = f"import pyrnn; pyrnn.load({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True)
    assert "Gated to be defined, got no such class; import the module" in done.stderr


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = RNN(1, 4, 1, seed=1).save(tmp_path / "rnn.pt")
    before = path.read_bytes()

    def full_disk(content, file) -> None:
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space left"):
        RNN(1, 4, 1, seed=2).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_killed_save_leaves_a_whole_file(tmp_path: Path) -> None:
    """A process that does nothing but save is killed; the file at its place is never broken."""
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    code = f"""
import pyrnn
rnn = pyrnn.RNN(1, 64, 1)
print("ready", flush=True)
while True:
    rnn.save({str(path)!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    n_seen = 0
    while n_seen < 20:  # the first save may take longer than many loads
        n_seen += pyrnn.load(path).hidden_size == 64
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert pyrnn.load(path).hidden_size == 64


def test_a_lambda_cannot_be_saved(tmp_path: Path) -> None:
    rnn = RNN(1, 4, 1, activation=lambda x: x)
    with pytest.raises(ValueError, match="activation to be a function that can be named on load"):
        rnn.save(tmp_path / "rnn.pt")
    assert not list(tmp_path.iterdir())


def test_device_of_load(tmp_path: Path) -> None:
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    assert pyrnn.load(path, device="cpu").device == torch.device("cpu")
    assert_close(pyrnn.load(path).h0, torch.zeros(4))


def test_file_may_be_read_by_the_lab(tmp_path: Path) -> None:
    path = RNN(2, 4, 1).save(tmp_path / "rnn.pt")
    assert path.stat().st_mode & 0o044 == 0o044
    path.chmod(0o600)
    assert RNN(2, 4, 1).save(path).stat().st_mode & 0o777 == 0o600


def test_attribute_changed_after_building_is_kept(tmp_path: Path) -> None:
    rnn = CTRNN(2, 4, 1, noise=0.5)
    rnn.noise = 0.0
    assert pyrnn.load(rnn.save(tmp_path / "rnn.pt")).noise == 0.0


def test_constrained_network_is_pickled() -> None:
    rnn = CTRNN(2, 6, 1, dale_ratio=0.5, autapses=False, train_tau=True)
    again = pickle.loads(pickle.dumps(rnn))
    assert_close(again.state_dict(), rnn.state_dict())
    assert intervals(again.w_rec) is not None


def test_an_activation_of_another_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = types.ModuleType("script")
    script.bump = lambda x: torch.exp(-(x**2))  # type: ignore[attr-defined]
    script.bump.__module__, script.bump.__qualname__ = "script", "bump"
    monkeypatch.setitem(sys.modules, "script", script)
    rnn = RNN(2, 4, 1, activation=script.bump)
    path, inputs = rnn.save(tmp_path / "rnn.pt"), torch.randn(3, 5, 2)
    monkeypatch.delitem(sys.modules, "script")
    with pytest.raises(ValueError, match=r"got 'script:bump'.*load\(path, activation=function\)"):
        pyrnn.load(path)
    again = RNN.load(path, activation=script.bump)
    assert torch.equal(again.predict(inputs).states, rnn.predict(inputs).states)
    assert pyrnn.load(path, activation="relu").save(path)  # under its new name from here on
    assert pyrnn.load(path).activation == "relu"


# --------------------------------------------------------- what can be made can be saved


class Deep(RNNBase):
    """A network with a layer inside of another module."""

    def __init__(self, *sizes: int, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.mlp = nn.Sequential(Linear(4, 4))

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.mlp(self.w_rec(h)) + self.w_in(x))


@pytest.mark.parametrize(
    "options",
    [
        {"noise": np.linspace(0, 1, 3)[1]},
        {"tau": np.float64(50.0), "dt": np.float32(5.0)},
        {"gain": np.float16(1.5), "dale_ratio": np.float64(0.8)},
        {"init": np.str_("normal"), "autapses": np.bool_(False)},
        {"seed": np.int64(3), "train_tau": np.bool_(True), "tau_bounds": np.array([10.0, 200.0])},
        {"bias": np.bool_(False), "dale_ratio": np.array([1, 1, 1, -1])},
    ],
)
def test_numbers_of_numpy_come_back(options: dict, tmp_path: Path) -> None:
    rnn = CTRNN(np.int64(2), np.int32(4), np.int64(1), **options)
    for again in (pyrnn.load(rnn.save(tmp_path / "rnn.pt")), pickle.loads(pickle.dumps(rnn))):
        assert_close(again.state_dict(), rnn.state_dict())
        assert again.noise == rnn.noise
        assert again.dt == rnn.dt
        assert type(again.noise) is type(again.dt) is float


def test_numbers_of_numpy_in_a_training_come_back(tmp_path: Path) -> None:
    rnn, path = RNN(2, 4, 2), tmp_path / "rnn.pt"
    rnn.noise = np.float64(0.1)
    options = {
        "lr": np.logspace(-3, -1, 3)[1],
        "clip_norm": np.float64(0.1),
        "epochs": np.int64(1),
    }
    gamma = np.float64(0.9)
    scheduler = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=gamma)
    task = FlipFlop(n_bits=2, n_trials=8)
    rnn.fit(task, scheduler=scheduler, checkpoint=path, progress=False, **options)
    again = pyrnn.load(path)
    assert again.noise == 0.1
    options["epochs"] = 2
    again.fit(task, scheduler=scheduler, checkpoint=path, resume=True, progress=False, **options)
    assert again.history.n_epochs == 2


def test_a_constraint_inside_of_a_module_comes_back(tmp_path: Path) -> None:
    rnn = Deep(2, 4, 1)
    constrain(rnn.mlp[0], Dale([1, 1, -1, -1]))
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    assert torch.equal(again.mlp[0].weight, rnn.mlp[0].weight)
    low, high = intervals(again.mlp[0])
    assert (low[:, :2] == 0).all()
    assert (high[:, 2:] == 0).all()


def prune_a_layer(rnn: RNN) -> None:
    prune.random_unstructured(rnn.w_out, "weight", 0.5)


def normalize_a_layer(rnn: RNN) -> None:
    weight_norm(rnn.w_out)


def add_a_layer(rnn: RNN) -> None:
    rnn.extra = nn.Linear(2, 2)


def add_a_buffer(rnn: RNN) -> None:
    rnn.register_buffer("extra", torch.zeros(2))


def replace_a_layer(rnn: RNN) -> None:
    rnn.w_out = nn.Sequential(nn.Linear(4, 1))


def replace_a_layer_by_one_of_another_class(rnn: RNN) -> None:
    rnn.w_out = nn.Linear(4, 1)


def replace_the_step(rnn: RNN) -> None:
    rnn.step = lambda h, x: h


@pytest.mark.parametrize(
    "change",
    [
        prune_a_layer,
        normalize_a_layer,
        add_a_layer,
        add_a_buffer,
        replace_a_layer,
        replace_a_layer_by_one_of_another_class,
        replace_the_step,
    ],
)
def test_what_would_not_come_back_is_refused(
    change: Callable[[RNN], None], tmp_path: Path
) -> None:
    rnn, path = RNN(1, 4, 1), tmp_path / "rnn.pt"
    rnn.save(path)
    before = path.read_bytes()
    change(rnn)
    with pytest.raises(
        ValueError, match=r"expected a network that RNN|expected step as the class"
    ):
        rnn.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_training", [True, False])
def test_mode_and_noise_come_back(is_training: bool, tmp_path: Path) -> None:
    rnn = CTRNN(2, 4, 1, noise=0.5, seed=0).train(is_training)
    rnn(torch.zeros(3, 5, 2))  # the noise goes on from here
    inputs = torch.zeros(3, 5, 2)
    copies = [pyrnn.load(rnn.save(tmp_path / "rnn.pt")), pickle.loads(pickle.dumps(rnn))]
    states = rnn(inputs).states
    for again in copies:
        assert again.training == is_training
        assert torch.equal(again(inputs).states, states)


def test_loading_draws_nothing_and_takes_no_eigenvalues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CTRNN(2, 30, 1, dale_ratio=0.8, init="spectral").save(tmp_path / "rnn.pt")
    before = torch.get_rng_state()

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(torch.linalg, "eigvals", fail)
    monkeypatch.setattr(torch.linalg, "qr", fail)
    assert pyrnn.load(path).hidden_size == 30
    assert torch.equal(torch.get_rng_state(), before)


@register_activation
def bump(x: Tensor) -> Tensor:
    return torch.exp(-x.square())


@pytest.mark.parametrize("function", [torch.sin, nn.functional.elu, nn.functional.silu, bump])
def test_activations_of_torch_and_registered_ones_are_found(
    function: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    path = RNN(1, 4, 1, activation=function).save(tmp_path / "rnn.pt")
    assert pyrnn.load(path).f is function


@pytest.mark.parametrize("name", ["os:system", "builtins:exec", "sys:exit", "torch:save"])
def test_no_other_function_is_an_activation(name: str) -> None:
    with pytest.raises(ValueError, match="expected an activation among"):
        RNN(1, 4, 1, activation=name)


def test_a_device_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    with pytest.raises(ValueError, match="expected device to be a device of this machine"):
        pyrnn.load(path, device="gpu")


def test_what_was_changed_after_a_save_is_checked_once_more(tmp_path: Path) -> None:
    """A time constant is set when a network is built; the old file stays."""
    rnn, path = CTRNN(2, 4, 1, tau=100.0), tmp_path / "rnn.pt"
    rnn.save(path)
    rnn.time_constant = 50.0
    with pytest.raises(ValueError, match=r"tau=50\.0, which is set when a network is built"):
        rnn.save(path)
    assert pyrnn.load(path).tau == 100.0


def test_attributes_of_ones_own_are_pickled() -> None:
    rnn = RNN(2, 4, 1)
    rnn.note, rnn.engine = "of Monday", "eager"
    again = pickle.loads(pickle.dumps(rnn))
    assert again.note == "of Monday"
    assert again.engine.name == "eager"
    assert copy.copy(again).note == "of Monday"


def test_a_step_that_replaces_that_of_the_class_is_not_pickled() -> None:
    rnn = RNN(2, 4, 1)
    rnn.step = lambda h, x: h
    with pytest.raises(ValueError, match="expected step as the class defines it"):
        pickle.dumps(rnn)


@pytest.mark.parametrize("make", [lambda: LowRankRNN(2, 8, 1, rank=2), lambda: CTRNN(2, 8, 1)])
def test_building_takes_no_decomposition(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.linalg, "svd", None)
    make()
