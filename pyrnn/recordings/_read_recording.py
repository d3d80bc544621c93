"""Read recordings from files of NumPy, MATLAB and NWB."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pyrnn.arrays import Array
from pyrnn.recordings._read_nwb import read_nwb

__all__ = ["read_recording"]


def read_recording(path: str | os.PathLike[str], *names: str) -> dict[str, Array | list[Array]]:
    """Read arrays from an ``.npz``, ``.npy``, ``.mat`` or ``.nwb`` file, for ``fit_recordings``.

    An NWB file, which needs ``pip install pyrnn[nwb]``, has its time series by their names, in the
    unit that the file states, ``(time, channels)``; the columns of its table of trials, such as
    ``start_time``, in s; and ``"spike_times"``, in s, an array for each unit. If it has trials,
    the time series are lists of them. :func:`spike_rates` makes rates of spike times.

    Args:
        path: The file.
        *names: Names of the arrays to read; all by default. The array of an ``.npy`` file is named
            ``"rates"``.

    Returns:
        The arrays by name. A cell array of MATLAB becomes a list of trials.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is an NWB file and pynwb is not installed.
        ValueError: If the file is of another kind, has no array of a name, or has one twice.

    Example:
        >>> path = getfixture("tmp_path") / "recording.npz"
        >>> np.savez(path, rates=np.zeros((5, 20, 3)), inputs=np.zeros((5, 20, 1)))
        >>> recording = read_recording(path, "rates", "inputs")
        >>> recording["rates"].shape
        (5, 20, 3)
    """
    path = Path(path)
    arrays = read_nwb(path) if path.suffix == ".nwb" else _arrays(path)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(f"expected arrays among {sorted(arrays)} in {path}, got {missing}")
    return {name: arrays[name] for name in names or arrays}


def _arrays(path: Path) -> dict[str, Array | list[Array]]:
    """Return all arrays of a file."""
    if path.suffix == ".npy":
        return {"rates": np.load(path, allow_pickle=False)}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    if path.suffix == ".mat":
        from scipy.io import loadmat

        try:
            found = loadmat(path)
        except NotImplementedError as error:
            raise ValueError(
                f"expected a .mat file of version 7 or older, got {path}; in MATLAB write "
                "save(file, '-v7'), or read it with h5py and pass the arrays"
            ) from error
        return {n: _trials(value) for n, value in found.items() if not n.startswith("__")}
    raise ValueError(f"expected a file .npz, .npy, .mat or .nwb, got {path}; pass arrays instead")


def _trials(array: Array) -> Array | list[Array]:
    """Return a cell array as a list of its cells."""
    if array.dtype != object:
        return array
    return [np.asarray(cell) for cell in array.ravel()]
