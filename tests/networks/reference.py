"""The equations again, in NumPy and plain loops."""

from __future__ import annotations

import math

import numpy as np
import torch

from pyrnn import CTRNN, RNNBase

F = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "retanh": lambda z: np.maximum(np.tanh(z), 0),
    "gelu": lambda z: z * np.vectorize(lambda v: 0.5 * (1 + math.erf(v / 2**0.5)))(z),
    "identity": lambda z: z,
}


def randomized(rnn: RNNBase) -> RNNBase:
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.normal_(0, 0.4)
    return rnn


def numpy_loop(rnn: RNNBase, inputs: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The equations again, written from the docstrings, one trial and one step at a time."""
    w_in, w_rec, w_out = (
        getattr(rnn, k).weight.detach().numpy() for k in ("w_in", "w_rec", "w_out")
    )
    b, c = rnn.w_rec.bias.detach().numpy(), rnn.w_out.bias.detach().numpy()
    f, a = F[rnn.activation], 10.0 / tau
    outputs, states = [], []
    for trial in inputs:
        h = np.zeros(len(b))
        for x in trial:
            if isinstance(rnn, CTRNN):
                h = (1 - a) * h + a * (w_rec @ f(h) + w_in @ x + b)
                y = w_out @ f(h) + c
            else:
                h = (1 - a) * h + a * f(w_rec @ h + w_in @ x + b)
                y = w_out @ h + c
            states.append(h)
            outputs.append(y)
    shape = inputs.shape[:2]
    return np.reshape(outputs, (*shape, -1)), np.reshape(states, (*shape, -1))
