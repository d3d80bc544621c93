from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from pyrnn.recordings import read_recording


def test_files_of_numpy_and_matlab_are_read(tmp_path):
    rates = np.random.default_rng(0).normal(size=(3, 7, 2))
    np.save(tmp_path / "a.npy", rates)
    np.savez(tmp_path / "a.npz", r=rates, x=rates[..., :1])
    trials = np.empty(2, dtype=object)
    trials[:] = [rates[0], rates[1, :4]]
    savemat(tmp_path / "a.mat", {"r": rates, "trials": trials})
    np.testing.assert_array_equal(read_recording(tmp_path / "a.npy")["rates"], rates)
    assert sorted(read_recording(tmp_path / "a.npz")) == ["r", "x"]
    found = read_recording(tmp_path / "a.mat", "r", "trials")
    np.testing.assert_array_equal(found["r"], rates)
    assert [trial.shape for trial in found["trials"]] == [(7, 2), (4, 2)]


def test_other_files_and_names_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", r=np.zeros(3))
    with pytest.raises(ValueError, match=r"among \['r'\]"):
        read_recording(tmp_path / "a.npz", "rates")
    with pytest.raises(ValueError, match=r"\.npz, \.npy, \.mat or \.nwb"):
        read_recording(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError):
        read_recording(tmp_path / "b.npz")
