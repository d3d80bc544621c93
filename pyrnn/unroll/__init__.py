"""How a sequence of inputs is unrolled into a sequence of states.

``eager`` calls any network's ``step`` in a loop. The built-in equations have faster engines with
the same numbers and gradients: ``fused``, a compiled kernel, and ``bptt``, its adjoint in torch.
"""

from pyrnn.unroll._arguments import Starts
from pyrnn.unroll.eager import unroll_eager
from pyrnn.unroll.engine import (
    ENGINES,
    Engine,
    choose_engine,
    unroll,
    unroll_and_adjoint,
)
from pyrnn.unroll.forms import CURRENT, GATED, GRU_FORM, RATE, form_of, has_form
from pyrnn.unroll.fused import ACTIVATIONS as KERNEL_ACTIVATIONS
from pyrnn.unroll.fused import DTYPES, kernel_threads
from pyrnn.unroll.fused import library as kernel

__all__ = [
    "CURRENT",
    "DTYPES",
    "ENGINES",
    "GATED",
    "GRU_FORM",
    "KERNEL_ACTIVATIONS",
    "RATE",
    "Engine",
    "Starts",
    "choose_engine",
    "form_of",
    "has_form",
    "kernel",
    "kernel_threads",
    "unroll",
    "unroll_and_adjoint",
    "unroll_eager",
]
