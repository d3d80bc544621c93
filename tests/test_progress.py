"""The bar, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from pyrnn.progress import TrainingBar, interruptible, is_interrupted, track


def test_bar_tells_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingBar(10) as bar:
        assert bar.is_due()
        bar.done = 10
        bar.show("epoch 1/1", loss=0.25, lr=0.01)
        assert not bar.is_due()
    text = capsys.readouterr().out
    assert "epoch 1/1" in text
    assert "loss 0.25  lr 0.01" in text


def test_bar_can_be_off(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingBar(None, enabled=False) as bar:
        bar.show("epoch 1/1", loss=0.25)
    assert list(track(range(3), "predict", enabled=False)) == [0, 1, 2]
    assert capsys.readouterr().out == ""


def test_track_yields_everything() -> None:
    assert list(track(range(3), "predict")) == [0, 1, 2]


def test_first_ctrl_c_is_a_flag_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.pressed
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as interrupt:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupt.pressed
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_get_no_signals() -> None:
    found = []

    def run() -> None:
        with interruptible() as interrupt:
            found.append(interrupt.pressed)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]


def test_ctrl_c_is_heard_by_all_that_are_around_it() -> None:
    """A search within a search: both end, and a second Ctrl-C raises."""
    with interruptible() as outer:
        with interruptible() as inner:
            signal.raise_signal(signal.SIGINT)
            assert inner.pressed
            assert is_interrupted()
        assert outer.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert not is_interrupted()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter
def test_a_notebook_without_widgets_has_a_bar_of_text_and_shows_figures_once():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "%matplotlib inline\nimport importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'ipywidgets' else find(name)",
        "from pyrnn import CTRNN; from pyrnn.tasks import FlipFlop\n"
        "rnn = CTRNN(3, 8, 3); task = FlipFlop(n_trials=64)\n"
        "history = rnn.fit(task, epochs=3)",
        "from pyrnn.plot import plot_loss, plot_summary\nplot_loss(history)",
        "plot_summary(rnn, task, n_trials=2)",
        "ax = plot_loss(history)",
        "ax.figure",
        "rnn",
        "history",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbclient.NotebookClient(notebook, timeout=120).execute(cwd=str(Path(__file__).parent.parent))
    outputs = [cell.outputs for cell in notebook.cells]
    words = "".join(each.get("text", "") for each in outputs[1])
    assert {each.output_type for each in outputs[1]} == {"stream"}
    assert "epoch 3/3" in words
    assert "ipywidgets" not in words
    for shown in outputs[2:6]:
        assert ["image/png" in each.get("data", {}) for each in shown] == [True]
    for shown, title in zip(outputs[6:], ("CTRNN", "training"), strict=True):
        assert f">{title}</caption>" in shown[0].data["text/html"]
