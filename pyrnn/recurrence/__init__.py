"""How a sequence of inputs is unrolled into a sequence of states."""

from pyrnn.recurrence.eager import Constant, Linear, unroll_eager

__all__ = ["Constant", "Linear", "unroll_eager"]
