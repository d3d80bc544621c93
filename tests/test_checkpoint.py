"""A network's file: complete, safe to read, never half written."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import pyrnn
from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.constraints import Bounds, Fixed, constrain, intervals
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
