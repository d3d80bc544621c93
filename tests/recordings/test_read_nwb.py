"""Files are written by pynwb itself, and read."""

from __future__ import annotations

import datetime
import sys

import numpy as np
import pytest

from pyrnn.recordings import read_recording, spike_rates


@pytest.fixture
def pynwb():
    return pytest.importorskip("pynwb", reason="needs pip install pyrnn[nwb]")


def write(pynwb, path, *, trials=True, twice=False):
    """Write two signals, two units and two trials; return the signals."""
    started = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    nwb = pynwb.NWBFile("a recording", "one", started)
    rng = np.random.default_rng(0)
    rates, speed = rng.normal(size=(100, 3)), rng.normal(size=100)
    volts = pynwb.TimeSeries(
        name="rates", data=rates, unit="Hz", rate=10.0, starting_time=2.0, conversion=0.5
    )
    nwb.add_acquisition(volts)
    module = nwb.create_processing_module("behavior", "what the animal did")
    times = 2.0 + 0.1 * np.arange(100)
    module.add(pynwb.TimeSeries(name="speed", data=speed, unit="m/s", timestamps=times))
    if twice:
        module.add(pynwb.TimeSeries(name="rates", data=rates, unit="Hz", rate=10.0))
    for spikes in ([2.05, 2.06, 3.5], [8.0]):
        nwb.add_unit(spike_times=spikes)
    if trials:
        nwb.add_trial_column("choice", "left or right")
        nwb.add_trial(start_time=2.0, stop_time=3.0, choice="left")
        nwb.add_trial(start_time=7.0, stop_time=9.5, choice="right")
    with pynwb.NWBHDF5IO(path, "w") as file:
        file.write(nwb)
    return rates / 2, speed[:, None]


def test_time_series_are_cut_into_trials(pynwb, tmp_path):
    rates, speed = write(pynwb, tmp_path / "a.nwb")
    found = read_recording(tmp_path / "a.nwb")
    assert sorted(found) == ["choice", "rates", "speed", "spike_times", "start_time", "stop_time"]
    for whole, name in ((rates, "rates"), (speed, "speed")):
        first, second = found[name]
        np.testing.assert_allclose(first, whole[:10])
        np.testing.assert_allclose(second, whole[50:75])
    assert found["choice"].tolist() == ["left", "right"]
    assert [times.tolist() for times in found["spike_times"]] == [[2.05, 2.06, 3.5], [8.0]]
    counts = spike_rates(found["spike_times"], found["start_time"], found["stop_time"], dt=500.0)
    assert [(trial / 2).tolist() for trial in counts] == [
        [[2, 0], [0, 0]],
        [[0, 0], [0, 0], [0, 1], [0, 0], [0, 0]],
    ]


def test_a_recording_without_trials_is_read_whole(pynwb, tmp_path):
    rates, speed = write(pynwb, tmp_path / "a.nwb", trials=False)
    found = read_recording(tmp_path / "a.nwb", "rates", "speed")
    np.testing.assert_allclose(found["rates"], rates)
    np.testing.assert_allclose(found["speed"], speed)


def test_names_that_are_not_there_or_twice_are_refused(pynwb, tmp_path):
    write(pynwb, tmp_path / "a.nwb")
    with pytest.raises(ValueError, match=r"expected arrays among \['choice'.* got \['voltage'\]"):
        read_recording(tmp_path / "a.nwb", "voltage")
    write(pynwb, tmp_path / "b.nwb", twice=True)
    with pytest.raises(ValueError, match="got 'rates' twice"):
        read_recording(tmp_path / "b.nwb")


def test_without_pynwb_it_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "a.nwb"
    with pytest.raises(FileNotFoundError, match=r"a\.nwb"):
        read_recording(path)
    path.touch()
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ImportError, match=r"pip install pyrnn\[nwb\]"):
        read_recording(path)
