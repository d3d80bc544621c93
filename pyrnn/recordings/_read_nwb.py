"""Read recordings from files of Neurodata Without Borders (NWB)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pyrnn.arrays import Array

__all__ = ["read_nwb"]


def read_nwb(path: Path) -> dict[str, Array | list[Array]]:
    """Return time series, spike times and columns of the trials of an NWB file by name.

    A time series ``(time, channels)`` is a list of trials if the file has a table of trials.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pynwb is not installed.
        ValueError: If two things have the same name.

    Example:
        >>> read_nwb(Path("none.nwb"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: no such file: none.nwb
    """
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        from pynwb import NWBHDF5IO
    except ImportError as error:
        raise ImportError("to read NWB files, pip install pyrnn[nwb]") from error
    found: dict[str, Array | list[Array]] = {}
    with NWBHDF5IO(path, "r", load_namespaces=True) as file:
        for name, value in _contents(file.read()):
            if name in found:
                raise ValueError(f"expected different names in {path}, got {name!r} twice")
            found[name] = value
    return found


def _contents(nwb: Any) -> Iterator[tuple[str, Array | list[Array]]]:  # noqa: ANN401
    """Yield everything that is read, by name."""
    from pynwb import TimeSeries

    spans = None
    if nwb.trials is not None:
        columns = {name: np.asarray(nwb.trials[name][:]) for name in nwb.trials.colnames}
        spans = np.stack([columns["start_time"], columns["stop_time"]], axis=1)
        yield from columns.items()
    if nwb.units is not None and "spike_times" in nwb.units.colnames:
        yield "spike_times", [np.asarray(times) for times in nwb.units["spike_times"][:]]
    for series in nwb.objects.values():
        if isinstance(series, TimeSeries) and np.ndim(series.data) > 0:
            yield series.name, _cut(series, spans)


def _cut(series: Any, spans: Array | None) -> Array | list[Array]:  # noqa: ANN401
    """Return the values of a time series in its unit, ``(time, channels)``, cut into trials."""
    values = np.asarray(series.data[:])
    if values.dtype.kind in "iuf" and (series.conversion, series.offset) != (1.0, 0.0):
        values = values * series.conversion + series.offset
    values = values.reshape(len(values), -1)
    if spans is None:
        return values
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:])
    else:
        times = series.starting_time + np.arange(len(values)) / series.rate
    edges = np.searchsorted(times, spans - 1e-9)
    return [values[start:stop] for start, stop in edges]
