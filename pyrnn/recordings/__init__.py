"""Networks from recordings: fit a network to recorded activity, and say how far to trust it."""

from pyrnn.recordings._fit import Fit
from pyrnn.recordings._fit_recordings import fit_recordings
from pyrnn.recordings._read_recording import read_recording
from pyrnn.recordings._region_currents import region_currents
from pyrnn.recordings._spike_rates import spike_rates

__all__ = ["Fit", "fit_recordings", "read_recording", "region_currents", "spike_rates"]
