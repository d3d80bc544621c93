"""Networks from recordings: fit a network to recorded activity, and say how far to trust it."""

from pyrnn.recordings._fit import Fit
from pyrnn.recordings._fit_recordings import fit_recordings

__all__ = ["Fit", "fit_recordings"]
