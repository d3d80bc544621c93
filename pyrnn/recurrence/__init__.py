"""How a sequence of inputs is unrolled into a sequence of states."""
