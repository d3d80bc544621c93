"""Networks of version 0.1 that have another class now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyrnn.networks.equations import RNN
from pyrnn.networks.gated import GRU, LSTM

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyrnn.options import Options

__all__ = ["torch_rnn"]


def torch_rnn(
    input_size: int,
    hidden_size: int,
    output_size: int,
    cell: str = "rnn",
    dt: float = 10.0,
    **options: Unpack[Options],
) -> RNN | GRU | LSTM:
    """Build what ``TorchRNN(cell=...)`` was in version 0.1.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        dt: Duration of a time step, in ms.
        **options: Further options.

    Returns:
        The network.

    Example:
        >>> type(torch_rnn(3, 8, 2, cell="gru")).__name__
        'GRU'
    """
    options.setdefault("init", "torch")
    if options.get("bias", True) is True:
        options["bias"] = ["w_in", "w_rec", "w_out"]
    cls = {"rnn": RNN, "gru": GRU, "lstm": LSTM}[cell]
    return cls(input_size, hidden_size, output_size, dt=dt, **options)
