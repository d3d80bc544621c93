"""The commands: what they print, and that a wrong option is told in one line."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

import pyrnn
from pyrnn import cli
from pyrnn.unroll import fused


def test_python_m_is_the_same_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["pyrnn", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("pyrnn", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out == f"pyrnn {pyrnn.__version__}\n"


def test_a_wrong_option_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--out", str(tmp_path), "--epochs", "0"]) == 2
    assert capsys.readouterr().out.startswith("pyrnn demo: expected epochs")


@pytest.mark.slow
def test_demo_writes_what_it_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--out", str(tmp_path), "--epochs", "1", "--units", "16"]) == 0
    promised = ["graph.graphml", "graph.png", "loss.png", "model.pt", "points.npz", "scene.html"]
    assert set(promised) <= {path.name for path in tmp_path.iterdir()}
    printed = capsys.readouterr().out
    assert all(name in printed for name in promised)
    assert pyrnn.load(tmp_path / "model.pt").hidden_size == 16


@pytest.mark.parametrize("built", [True, False])
def test_doctor_says_what_unrolls(
    built: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not built:
        monkeypatch.setattr(fused, "library", lambda: None)
    assert cli.main(["doctor"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    expected = "fused, by the kernel for" if fused.is_available() else "bptt, in torch"
    assert expected in text
    assert pyrnn.__version__ in text
