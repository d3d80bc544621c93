"""Networks whose connectivity has low rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyrnn.constraints import Constraint
from pyrnn.networks.equations import CTRNN, LeakyRNN
from pyrnn.validate import as_integer, as_number, check_kind

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyrnn.networks.equations import LeakyOptions

__all__ = ["LowRankRNN"]


class LowRankRNN(LeakyRNN):
    r"""A network in its current form whose recurrent weights have low rank.

    .. math:: W_{rec} = \frac{1}{N} m n^\top + \frac{g}{\sqrt N} \chi

    with :math:`m, n` of shape ``(hidden_size, rank)`` learned and :math:`\chi` a fixed random
    matrix; otherwise as ``CTRNN``. Without the random part the state lives in the span of
    :math:`m` and of the inputs: for rank one, :math:`h = m \kappa + I` with

    .. math:: \kappa' = (1-\alpha)\kappa + \frac{\alpha}{N}\sum_i n_i f(m_i \kappa + I_i) .

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        rank: Number of columns of ``m`` and ``n``.
        random_gain: Strength :math:`g` of the fixed random part.
        **options: The options of ``CTRNN``, except for constraints on the recurrent weights and
            for their ``gain`` and ``init``: ``m`` and ``n`` are drawn from N(0, 1). With
            ``init="torch"``, inputs and biases are drawn as ``torch.nn.RNN`` does.

    Raises:
        TypeError: If an option is of the wrong kind.
        ValueError: If the rank exceeds the number of units, if there is a constraint on the
            recurrent weights, which a low-rank matrix cannot obey, or for a ``gain`` or ``init``
            of a full matrix.

    Example:
        >>> rnn = LowRankRNN(1, 32, 1, rank=2)
        >>> rnn.m.shape, torch.linalg.matrix_rank(rnn.w_rec.weight).item()
        (torch.Size([32, 2]), 2)
        >>> torch.equal(rnn.w_rec.weight, rnn.m @ rnn.n.mT / 32)
        True

    References:
        Mastrogiuseppe & Ostojic, *Neuron* (2018); Dubreuil et al., *Nat. Neurosci.* (2022).
    """

    step = CTRNN.step
    readout = CTRNN.readout
    rates = CTRNN.rates

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        rank: int = 1,
        random_gain: float = 0.0,
        **options: Unpack[LeakyOptions],
    ) -> None:
        self.rank = as_integer("rank", rank, low=1)
        if self.rank > as_integer("hidden_size", hidden_size, low=1):
            raise ValueError(f"expected rank of at most {hidden_size} (hidden_size), got {rank}")
        self.random_gain = as_number("random_gain", random_gain, low=0)
        check_kind("init", init := options.get("init", "normal"), str)
        _refuse("gain", as_number("gain", options.get("gain", 1.0)), 1.0)
        _refuse("init", init, "normal", "torch")
        super().__init__(input_size, hidden_size, output_size, **options)

    @property
    def m(self) -> Tensor:
        """Left vectors, ``(hidden_size, rank)``: the directions that recurrence drives."""
        return self.w_rec.parametrizations.weight.original0  # type: ignore[union-attr, return-value]

    @property
    def n(self) -> Tensor:
        """Right vectors, ``(hidden_size, rank)``: the directions that recurrence reads."""
        return self.w_rec.parametrizations.weight.original1  # type: ignore[union-attr, return-value]

    def _initialize(self) -> None:
        super()._initialize()
        size = self.hidden_size
        with torch.no_grad():
            chi = self.random_gain / size**0.5 * torch.randn(size, size, generator=self.generator)
            start = [torch.randn(size, self.rank, generator=self.generator) for _ in range(2)]
            inside = _LowRank(self.rank, chi, start)
            parametrize.register_parametrization(self.w_rec, "weight", inside)

    def _constraints(self) -> dict[str, list[Constraint]]:
        constraints = super()._constraints()
        if constraints["w_rec"]:
            raise ValueError(
                "expected no constraint on the recurrent weights of a LowRankRNN, got dale_ratio, "
                "autapses=False or connectivity; use CTRNN with these, or constrain w_in and w_out"
            )
        return constraints


def _refuse(name: str, value: object, *allowed: object) -> None:
    """Refuse an option that low-rank weights would ignore."""
    if value not in allowed:
        raise ValueError(
            f"expected no {name} of a full matrix for a LowRankRNN, got {value!r}; scale the "
            "parameters rnn.m and rnn.n, or use random_gain"
        )


class _LowRank(nn.Module):
    """Parametrize a matrix as ``m n^T / N`` plus a fixed part."""

    fixed: Tensor

    def __init__(self, rank: int, fixed: Tensor, start: list[Tensor]) -> None:
        super().__init__()
        self.rank, self._start = rank, start  # the first vectors, which need no decomposition
        self.register_buffer("fixed", fixed)

    def forward(self, m: Tensor, n: Tensor) -> Tensor:
        return m @ n.mT / len(m) + self.fixed

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of the nearest matrix of this rank (Eckart & Young 1936)."""
        if self._start:
            m, n = self._start
            self._start = []
            return m, n
        u, s, vh = torch.linalg.svd((weight - self.fixed) * len(weight))
        root = s[: self.rank].sqrt()
        return u[:, : self.rank] * root, vh[: self.rank].mT * root
