"""How a sequence of inputs is unrolled into a sequence of states.

``eager`` calls any network's ``step`` in a loop. The built-in equations have faster engines with
the same numbers and gradients: ``fused``, a compiled kernel, and ``bptt``, its adjoint in torch.
"""

from pyrnn.unroll.eager import Constant, Linear, unroll_eager
from pyrnn.unroll.engine import (
    ENGINES,
    Engine,
    choose_engine,
    has_hooks,
    unroll,
    unroll_and_adjoint,
)
from pyrnn.unroll.fused import undisturbed

__all__ = [
    "ENGINES",
    "Constant",
    "Engine",
    "Linear",
    "choose_engine",
    "has_hooks",
    "undisturbed",
    "unroll",
    "unroll_and_adjoint",
    "unroll_eager",
]
