"""Arguments of the kernel, as C has them."""

from __future__ import annotations

import ctypes

__all__ = ["GRADIENTS", "PARAMETERS", "Member", "Problem", "Starts"]

_SIZES = ("trials", "steps", "units", "inputs", "outputs", "current", "activation", "threads")
GRADIENTS = ("h0", "w_rec", "w_in", "w_out", "alpha", "bias", "bias_out")
_ARRAYS = (
    *("x", "h0", "w_rec", "w_in", "w_out", "alpha", "bias", "bias_out", "noise"),
    *("states", "y", "slopes", "grad_states", "grad_y"),
    *(f"grad_{name}" for name in GRADIENTS),
    "grad_drive",
)


class Problem(ctypes.Structure):
    """Arguments of a call, the fields of ``Problem`` in ``network.h``."""

    _fields_ = [(name, ctypes.c_int64) for name in _SIZES] + [
        (name, ctypes.c_void_p) for name in _ARRAYS
    ]


# Tensors of an equation that learn, in the order of the kernel's own list.
PARAMETERS = ("w_rec", "w_in", "w_out", "bias", "bias_in", "bias_out", "h0")


class _Parameter(ctypes.Structure):
    """A tensor of the equation, ``Parameter`` in ``train.h``."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("free", "low", "high", "gradient")] + [
        ("is_folded", ctypes.c_int64)
    ]


class Member(ctypes.Structure):
    """A network, its batch and its optimizer, ``Member`` in ``train.h``."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _SIZES[:-1]),
        *((name, ctypes.c_int64) for name in ("loss", "optimizer", "has_classes", "mask_size")),
        *((name, ctypes.c_void_p) for name in ("x", "noise", "targets", "mask", "y", "alpha")),
        ("parameters", _Parameter * len(PARAMETERS)),
        *((name, ctypes.c_void_p) for name in ("values", "gradient", "mean", "square", "count")),
        ("size", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "decay")),
        *((name, ctypes.c_double) for name in ("clip_norm", "clip_value")),
        *((name, ctypes.c_double) for name in ("loss_found", "norm", "weight")),
    ]


class Starts(ctypes.Structure):
    """Starts of Newton's method, ``Starts`` in ``newton.h``."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("starts", "units", "form", "activation")),
        *((name, ctypes.c_int64) for name in ("threads", "known", "few")),
        *((name, ctypes.c_double) for name in ("tol", "cap", "unit")),
        *((name, ctypes.c_void_p) for name in ("w_rec", "alpha", "drive", "inner")),
        *((name, ctypes.c_void_p) for name in ("h", "residual", "speed")),
        *(("moves", ctypes.c_void_p), ("is_wary", ctypes.c_int64)),
        *((name, ctypes.c_void_p) for name in ("owner", "owner_known", "points", "inverse")),
        ("drawn", ctypes.c_void_p),
    ]
