"""Layers: what a recurrent network is made of, built from its options."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from pyrnn.activations import Activation, activation_function
from pyrnn.constraints import Constraint, Fixed, constrain, intervals
from pyrnn.initialization import (
    INITIALIZATIONS,
    are_weights_drawn,
    balance,
    initial_weight,
    with_radius,
)
from pyrnn.linear import Linear
from pyrnn.options import LAYERS, Masks, Wiring, checked_bias, layer_constraints, unit_signs
from pyrnn.validate import as_boolean, as_choice, as_integer, as_names, as_number, as_seed

__all__ = ["Layers"]


class Layers(nn.Module):
    """The layers ``w_in``, ``w_rec`` and ``w_out`` and the initial state, without dynamics.

    Takes the options of ``RNNBase``, which documents them. Give a layer another weight by
    assignment, ``layers.w_rec.weight = value``: see ``pyrnn.constraints.constrain``.

    Example:
        >>> layers = Layers(3, 10, 2, dale_ratio=0.8, autapses=False)
        >>> layers.signs.tolist().count(-1.0), layers.w_rec.weight.diagonal().any().item()
        (2, False)
        >>> layers.state_size
        10
    """

    is_built = False
    _n_gates = 1  # rows of w_in and w_rec per unit

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        activation: str | Activation = "tanh",
        dale_ratio: float | Tensor | Sequence[float] | None = None,
        autapses: bool = True,
        connectivity: Masks = None,
        noise: float = 0.0,
        bias: bool | Collection[str] = True,
        frozen: Collection[str] = (),
        init: str = "normal",
        gain: float = 1.0,
        train_initial_state: bool = False,
        dt: float = 10.0,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.input_size = as_integer("input_size", input_size, low=1)
        self.hidden_size = as_integer("hidden_size", hidden_size, low=1)
        self.output_size = as_integer("output_size", output_size, low=1)
        self.activation, self.f = activation, activation_function(activation)
        self.dale_ratio, self.connectivity = dale_ratio, connectivity
        self.autapses = as_boolean("autapses", autapses)
        self.noise = as_number("noise", noise, low=0)
        self.bias = checked_bias(bias)
        self.frozen = as_names("frozen", frozen, LAYERS)
        self.init = as_choice("init", init, (*INITIALIZATIONS, "torch"))
        self.gain = as_number("gain", gain, low=0)
        self.train_initial_state = as_boolean("train_initial_state", train_initial_state)
        self.dt = as_number("dt", dt, above=0, unit="ms")
        self.seed = None if seed is None else as_seed("seed", seed)
        self.generator = torch.Generator()
        start = int(torch.randint(2**62, ())) if self.seed is None else self.seed
        self.generator.manual_seed(start)
        self._build()
        self.is_built = "built_with" not in vars(self)  # else a subclass has more to do
        self.built_names = frozenset(vars(self))

    def __setattr__(self, name: str, value: Tensor | nn.Module) -> None:
        if name in ("f", "activation") and self.is_built:
            raise AttributeError(
                f"expected {name} to stay as it was when the network was built, got another one; "
                "build a network with it: RNN(..., activation=torch.sin)"
            )
        super().__setattr__(name, value)

    @property
    def state_size(self) -> int:
        """Length of the state vector, ``hidden_size`` unless a network overrides it."""
        return self.hidden_size

    @property
    def signs(self) -> Tensor | None:
        """Sign of each unit under Dale's law, ``(hidden_size,)``, or None without it."""
        return unit_signs(self.dale_ratio, self.hidden_size, self.connectivity)

    def extra_repr(self) -> str:
        """Return the text that ``print(rnn)`` shows above the layers."""
        sizes = f"{self.input_size}, {self.hidden_size}, {self.output_size}"
        name = getattr(self.f, "__name__", self.activation)
        return f"{sizes}, activation={name}, dt={self.dt}"

    def _build(self) -> None:
        rows = self._n_gates * self.hidden_size
        self.w_in = Linear(self.input_size, rows, bias=self._has_bias("w_in"))
        self.w_rec = Linear(self.hidden_size, rows, bias=self._has_bias("w_rec"))
        self.w_out = Linear(self.hidden_size, self.output_size, bias=self._has_bias("w_out"))
        self._build_initial_state()
        self._initialize()
        if are_weights_drawn():  # a file brings the bounds with the weights
            for name, constraints in self._constraints().items():
                if constraints:
                    constrain(getattr(self, name), *constraints)
            self._settle()
        self._fix_tonic_input()
        for name in self.frozen:
            getattr(self, name).requires_grad_(False)

    def _has_bias(self, layer: str) -> bool:
        if isinstance(self.bias, bool):
            return self.bias and layer != "w_in"
        return layer in self.bias

    def _build_initial_state(self) -> None:
        zero = torch.zeros(self.state_size)
        if self.train_initial_state:
            self.h0 = nn.Parameter(zero)
        else:
            self.register_buffer("h0", zero)

    @torch.no_grad()
    def _initialize(self) -> None:
        """Draw the weights: input currents of unit variance, readout and biases zero."""
        if not are_weights_drawn():
            return
        if self.init == "torch":
            self._initialize_as_torch()
            return
        recurrent = initial_weight(self.init, self.hidden_size, self.gain, self.generator)
        self.w_rec.weight.copy_(recurrent)
        self.w_in.weight.normal_(0, self.input_size**-0.5, generator=self.generator)
        self.w_out.weight.zero_()
        for layer in (self.w_in, self.w_rec, self.w_out):
            if layer.bias is not None:
                layer.bias.zero_()

    def _initialize_as_torch(self) -> None:
        r"""Draw weights and biases as ``nn.RNN`` does, uniformly within :math:`1/\sqrt N`."""
        bound = self.hidden_size**-0.5
        for parameter in (*self.w_in.parameters(), *self.w_rec.parameters()):
            parameter.uniform_(-bound, bound, generator=self.generator)
        self.w_rec.weight.mul_(self.gain)
        for parameter in self.w_out.parameters():
            parameter.zero_()

    def _constraints(self) -> dict[str, list[Constraint]]:
        """Return the constraints of each layer that the options ask for."""
        return layer_constraints(self.hidden_size, self.signs, self.autapses, self.connectivity)

    @torch.no_grad()
    def _settle(self) -> None:
        # balance constrained recurrent weights, and give them the spectral radius of the gain
        bounds = intervals(self.w_rec)
        if bounds is None:
            return
        signs = self.signs
        weight = self.w_rec.weight
        if self.init == "identity" and self.gain > 0 and not weight.any():
            raise ValueError(
                "expected init='identity' to meet a connection, got none: the constraints leave "
                "no unit a connection to itself; use init='normal'"
            )
        if signs is not None:
            weight = balance(weight, signs)
        self.w_rec.weight = with_radius(weight, self.gain)

    def _fix_tonic_input(self) -> None:
        # the bias of the units with a tonic input is this input
        if not isinstance(self.connectivity, Wiring) or self.connectivity.tonic.isnan().all():
            return
        if self.w_rec.bias is None:
            raise ValueError("expected units with a bias for the tonic input, got bias=False")
        constrain(self.w_rec, Fixed(self.connectivity.tonic), name="bias")
