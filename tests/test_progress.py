"""The bar, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading

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
