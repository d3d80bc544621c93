"""Every example runs, small; the pages of the documentation run as printed."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest
import torch

import pyrnn
from pyrnn import CTRNN, plot
from pyrnn.dynamics import FixedPoints, find_fixed_points
from pyrnn.tasks import FlipFlop

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SMALL = {"epochs": 1, "n_units": 16, "n_seeds": 2, "dt": 20.0, "show": False}


@pytest.fixture(autouse=True)
def _as_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder, in float32, without windows."""
    monkeypatch.chdir(tmp_path)
    torch.set_default_dtype(torch.float32)
    with plt.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examples.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path) -> None:
    module = load(path)
    needed = getattr(module, "NEEDS", None)
    if needed is not None:
        pytest.importorskip(needed)
    known = inspect.signature(module.main).parameters
    module.main(**{name: value for name, value in SMALL.items() if name in known})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_can_be_run_small(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert {"epochs", "show"} <= set(inspect.signature(load(path).main).parameters)
    assert any(line.lstrip().startswith("assert ") for line in lines), "it checks what it claims"


def test_every_figure_stands_in_the_gallery() -> None:
    programs = "".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    figures = [name for name in plot.__all__ if name.startswith("plot_")]
    assert [name for name in figures if f"{name}(" not in programs] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter
def test_notebook_runs_and_shows_its_figures_and_its_scene() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(ROOT / "examples" / "first_steps.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in code), "a notebook is kept without outputs"
    nbclient.NotebookClient(notebook, timeout=200, iopub_timeout=60).execute()
    shown = [output for cell in code for output in cell.outputs if "data" in output]
    assert sum("image/png" in output.data for output in shown) == 3
    assert any("<iframe" in output.data.get("text/html", "") for output in shown)


def trained() -> dict[str, object]:
    """Return what a page takes for granted."""
    rnn = CTRNN(3, 8, 3, seed=0)
    return {
        "CTRNN": CTRNN,
        "FixedPoints": FixedPoints,
        "find_fixed_points": find_fixed_points,
        "my_gru_cell": torch.nn.GRUCell(3, 8),
        "pyrnn": pyrnn,
        "rnn": rnn,
        "states": torch.randn(20, 8),
        "task": FlipFlop(n_trials=64),
        "torch": torch,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "coming_from",
        "howto/many_networks",
        "howto/own_loss",
        "howto/own_network",
        "howto/own_task",
        "howto/recordings",
        "howto/representation",
        "howto/figures",
        "howto/follow",
        "howto/prove",
        "howto/perturb",
        "howto/saving",
        "howto/speed",
        "howto/your_network",
        "quickstart",
    ],
)
def test_page_runs_as_printed(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "0"])
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    seen = trained() | {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, f"{page}.md", "exec", dont_inherit=True), seen)


def test_every_page_says_the_same_version() -> None:
    for page in ("CITATION.cff", "docs/citing.md", "CHANGELOG.md"):
        assert re.search(rf"\b{pyrnn.__version__}\b", (ROOT / page).read_text(encoding="utf-8"))
