"""RNNBase: everything that recurrent networks share; a subclass writes ``step``."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyrnn import checkpoint, training
from pyrnn.activations import Activation
from pyrnn.layers import Layers
from pyrnn.linear import has_hooks
from pyrnn.progress import track
from pyrnn.result import Report, Reported
from pyrnn.serialize import config_of, register, remember
from pyrnn.training.network import Forward, Trainable, in_mode
from pyrnn.unroll import (
    RATE,
    Engine,
    choose_engine,
    has_form,
    kernel_threads,
    unroll,
    unroll_and_adjoint,
)
from pyrnn.unroll._checks import check_inputs, convert, expand_state
from pyrnn.unroll.train import Learner, learner_of
from pyrnn.validate import as_boolean, as_device, as_integer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RNNBase", "Rollout", "load"]


class Rollout(NamedTuple):
    """What a network returns for a sequence of inputs.

    Attributes:
        outputs: Outputs, ``(..., time, output_size)``.
        states: States, ``(..., time, state_size)``; ``states[..., t, :]`` follows input ``t``.

    Example:
        >>> from pyrnn import RNN
        >>> outputs, states = RNN(3, 16, 2)(torch.zeros(5, 20, 3))
        >>> outputs.shape, states.shape
        (torch.Size([5, 20, 2]), torch.Size([5, 20, 16]))
    """

    outputs: Tensor
    states: Tensor

    def __repr__(self) -> str:
        return f"Rollout(outputs {tuple(self.outputs.shape)}, states {tuple(self.states.shape)})"


class RNNBase(Layers, Trainable, Reported, ABC):
    r"""A recurrent network with biological constraints on its weights.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        activation: Name (``tanh, relu, softplus, sigmoid, retanh, gelu, identity``) or an
            elementwise function.
        dale_ratio: Share of excitatory units, in [0, 1]; these come first. Or one sign for each
            unit: 1, -1, or 0 for weights of either sign. ``None`` for no Dale's law.
        autapses: Whether a unit may connect to itself.
        connectivity: Which recurrent connections exist, ``(hidden_size, hidden_size)``: a mask
            of 0 and 1, or a signed mask of -1, 0 and 1; or a mapping from layer names
            (``w_in, w_rec, w_out``) to masks, such as the ``Connectivity`` of a ``MultiRegion``.
        noise: Standard deviation :math:`\sigma` of the private noise, added to the input
            current as :math:`\sqrt{2/\alpha}\,\sigma\,\xi_t` in training mode only.
        bias: Whether the units and the readout have a bias; or the names of the layers that do.
        frozen: Names of the layers that do not learn.
        init: Initial weights: ``normal``, ``orthogonal``, ``identity`` or ``spectral`` for the
            recurrent ones; ``torch`` draws all weights and biases as ``torch.nn.RNN`` does.
        gain: Gain of the recurrent weights. Under constraints, their spectral radius, unless
            hardly any connection lies on a loop.
        train_initial_state: Whether the initial state, zero at first, is learned.
        dt: Duration of a time step, in ms.
        seed: Seed of the initial weights and of the noise; ``None`` draws one.

    Raises:
        TypeError: If an option is of the wrong kind.
        ValueError: If a size, ratio, shape or name is out of range, or if constraints contradict
            each other.

    Assign other weights to a layer by ``rnn.w_rec.weight = value``, a tensor or an array that
    obeys the constraints. What ``nn.init``, ``copy_`` or ``.data`` write *into* a constrained
    weight is lost, because it is computed from a parameter whenever it is read.

    Subclassing:
        Write ``step(h, x)``: one time step, without noise, for any number of leading axes.
        ``self.f`` is the activation. Call ``self.w_in(...)`` for the input current: in training
        it adds the noise. ``readout``, ``rates``, ``initial_state``, ``loss`` and, for a state
        longer than ``hidden_size``, the property ``state_size`` may be overridden. ``fit``,
        ``predict``, ``save``, ``load`` and all of ``pyrnn.dynamics`` then work. ``save`` writes
        the arguments of ``__init__``.

    Example:
        >>> class Leaky(RNNBase):
        ...     def step(self, h, x):
        ...         return 0.9 * h + 0.1 * torch.tanh(self.w_rec(h) + self.w_in(x))
        >>> outputs, states = Leaky(3, 16, 2)(torch.zeros(5, 20, 3))
        >>> outputs.shape, states.shape
        (torch.Size([5, 20, 2]), torch.Size([5, 20, 16]))
    """

    input_size: int
    output_size: int
    _engine: str | None = None
    _settled: Engine | None = None  # within a training loop

    def __reduce__(
        self,
    ) -> tuple[Callable[..., Trainable], tuple[type, bytes], dict[str, object]]:
        known = self.built_names
        own = {
            name: value
            for name, value in vars(self).items()
            if not (name in known or name.startswith("_") or name in dir(type(self)))
        }
        return checkpoint.from_bytes, (type(self), checkpoint.to_bytes(self)), own

    def __deepcopy__(self, memo: dict[int, object]) -> RNNBase:
        copied = memo[id(self)] = type(self).__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo), _settled=None)
        return copied

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = remember(cls.__init__)  # type: ignore[method-assign, assignment]
        register(cls)

    # ------------------------------------------------------------------ the model

    @abstractmethod
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state: the one definition of the dynamics.

        Args:
            h: State, ``(..., state_size)``.
            x: Input, ``(..., input_size)``.

        Returns:
            Next state, ``(..., state_size)``.

        Example:
            >>> from pyrnn import RNN
            >>> rnn = RNN(3, 16, 2, train_initial_state=True)
            >>> h = rnn.initial_state((5,))
            >>> rnn.readout(rnn.step(h, torch.zeros(5, 3))).shape
            torch.Size([5, 2])
        """

    @has_form(RATE)
    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs of states.

        Args:
            states: States, ``(..., state_size)``.

        Returns:
            Outputs, ``(..., output_size)``.

        Raises:
            ValueError: If states are wider than units, so that a subclass must write a readout.

        Example:
            >>> from pyrnn import RNN
            >>> RNN(3, 16, 2).readout(torch.zeros(5, 20, 16)).shape
            torch.Size([5, 20, 2])
        """
        if states.shape[-1] != self.hidden_size:
            raise ValueError(
                f"expected {type(self).__name__} to write a readout, as its states have "
                f"{states.shape[-1]} numbers for {self.hidden_size} units; e.g. "
                "return self.w_out(states[..., :self.hidden_size])"
            )
        return self.w_out(states)

    def rates(self, states: Tensor) -> Tensor:
        """Return the firing rates ``(..., hidden_size)`` of states ``(..., state_size)``.

        By default the states are rates. Where they are currents, the rates are ``f(states)``.

        Raises:
            ValueError: If states are wider than units, so that a subclass must write its rates.

        Example:
            >>> from pyrnn import CTRNN, RNN
            >>> h = torch.tensor([-3.0, 0.0, 2.0])
            >>> RNN(1, 3, 1, activation="relu").rates(h)
            tensor([-3.,  0.,  2.])
            >>> CTRNN(1, 3, 1, activation="relu").rates(h)
            tensor([0., 0., 2.])
        """
        if states.shape[-1] != self.hidden_size:
            raise ValueError(
                f"expected {type(self).__name__} to write rates, as its states have "
                f"{states.shape[-1]} numbers for {self.hidden_size} units; e.g. "
                "return states[..., :self.hidden_size]"
            )
        return states

    def initial_state(self, batch_shape: Sequence[int] = ()) -> Tensor:
        """Return the state before the first step, ``(*batch_shape, state_size)``.

        Args:
            batch_shape: Shape of the batch.

        Example:
            >>> from pyrnn import RNN
            >>> RNN(3, 2, 1).initial_state((3,)).tolist()
            [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
        """
        return self.h0.expand(*batch_shape, self.state_size)

    def forward(self, inputs: Tensor, h: Tensor | None = None) -> Rollout:
        """Run the network.

        Args:
            inputs: Inputs, ``(..., time, input_size)``, of the network's dtype.
            h: Initial state, ``(..., state_size)``; ``initial_state`` by default.

        Returns:
            Outputs and states of every time step.

        Example:
            >>> from pyrnn import RNN
            >>> RNN(3, 16, 2)(torch.zeros(5, 20, 3)).outputs.shape
            torch.Size([5, 20, 2])
        """
        h, noise = self._begin(inputs, h)
        states, outputs = unroll(self, inputs, h, noise, engine=self.engine)
        return Rollout(outputs, states)

    @property
    def engine(self) -> Engine:
        """What unrolls the network, and why. Assign a name to force one, None to undo that.

        A name that is unknown, or an engine that cannot unroll the network, is refused.

        Example:
            >>> from pyrnn import CTRNN
            >>> rnn = CTRNN(3, 16, 2)
            >>> rnn.engine = "eager"
            >>> print(rnn.engine)
            eager: asked for
        """
        return self._settled or choose_engine(self, self._engine)

    @engine.setter
    def engine(self, name: str | None) -> None:
        if name is not None:
            choose_engine(self, name)
        self._engine, self._settled = name, None

    @contextmanager
    def training_loop(self) -> Iterator[Forward]:
        """Provide ``forward`` for a fast training loop of your own.

        The engine is chosen once. The compiled kernel has all threads while torch keeps to one,
        and it computes gradients without autograd.

        Yields:
            A function of inputs ``(trials, time, input_size)`` that returns the rollout and a
            function ``backward``. Call ``backward(loss)`` in place of ``loss.backward()``.

        Example:
            >>> from pyrnn import RNN
            >>> rnn, inputs = RNN(3, 16, 2), torch.randn(5, 20, 3)
            >>> optimizer = torch.optim.Adam(rnn.parameters())
            >>> with rnn.training_loop() as forward:
            ...     for _ in range(2):
            ...         optimizer.zero_grad()
            ...         rollout, backward = forward(inputs)
            ...         backward((rollout.outputs - 1).square().mean())
            ...         optimizer.step()
        """
        self._settled = self.engine
        try:
            with kernel_threads() if self._settled.name == "fused" else nullcontext():
                yield self._forward_and_backward
        finally:
            self._settled = None

    def predict(
        self,
        inputs: Tensor | np.ndarray,
        h: Tensor | np.ndarray | None = None,
        *,
        batch_size: int | None = None,
        progress: bool = True,
    ) -> Rollout:
        """Run the network without noise and without gradients.

        Args:
            inputs: Inputs, ``(..., time, input_size)``, a tensor or an array of any real type.
            h: Initial state, ``(..., state_size)``.
            batch_size: Largest number of trials (of the first axis) run at once; all by default.
            progress: Whether to show a progress bar if there are several batches.

        Returns:
            Outputs and states, on the network's device.

        Example:
            >>> from pyrnn import RNN
            >>> outputs, states = RNN(2, 8, 1).predict(np.zeros((4, 10, 2)))
            >>> outputs.shape
            torch.Size([4, 10, 1])
        """
        size = None if batch_size is None else as_integer("batch_size", batch_size, low=1)
        progress = as_boolean("progress", progress)
        inputs = convert(inputs, self.h0)
        start = None if h is None else convert(h, self.h0)
        with in_mode(self, False), torch.no_grad():
            if size is None or inputs.ndim < 3 or len(inputs) <= size:
                return self(inputs, start)
            return self._predict_in_batches(inputs, start, size, progress)

    # ------------------------------------------------------------------ names lent to functions

    fit = training.fit
    save = checkpoint.save
    _restore = checkpoint.restore

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        device: str | torch.device = "cpu",
        activation: str | Activation | None = None,
        trusted: bool = False,
    ) -> Self:
        """Load a network of this class from a file.

        Args:
            path: A file that ``save`` wrote.
            device: Where to put the network.
            activation: Its activation; see ``pyrnn.load``.
            trusted: Whether the file is your own; see ``pyrnn.load``.

        Returns:
            The network.

        Raises:
            ValueError: If the file holds a network of another class.

        Example:
            >>> import tempfile
            >>> from pyrnn import CTRNN, RNN
            >>> CTRNN.load(RNN(3, 8, 2).save(tempfile.mkdtemp() + "/rnn.pt"))
            Traceback (most recent call last):
            ...
            ValueError: expected a network of class CTRNN in ..., got one of class RNN; ...
        """
        rnn = load(path, device=device, activation=activation, trusted=trusted)
        if not isinstance(rnn, cls):
            raise ValueError(
                f"expected a network of class {cls.__name__} in {path}, got one of class "
                f"{type(rnn).__name__}; use pyrnn.load, which takes any network"
            )
        return rnn

    def describe(self) -> Report:
        """Return a table of sizes, constraints, engine and training.

        ``print`` shows it as text. A notebook and rich show the network itself like this.

        Example:
            >>> from pyrnn import CTRNN
            >>> print(CTRNN(3, 10, 2, dale_ratio=0.8).describe())
            CTRNN
              units       10
              channels    3 in, 2 out
              Dale's law  8 E, 2 I
              parameters  162
              time step   10 ms
              training    none
        """
        signs, history = self.signs, self.history
        n_parameters = sum(p.numel() for p in self.parameters() if p.requires_grad)
        dale = (
            "none" if signs is None else f"{int((signs > 0).sum())} E, {int((signs < 0).sum())} I"
        )
        trained = "none"
        if history is not None and history.n_steps:
            trained = f"{history.n_epochs} epochs, {history.n_steps} steps"
            trained += f", final loss {history.loss[-1]:.4g}"
        rows = [
            ("units", str(self.hidden_size)),
            ("channels", f"{self.input_size} in, {self.output_size} out"),
            ("Dale's law", dale),
            ("parameters", f"{n_parameters:,}"),
            ("time step", f"{self.dt:g} ms"),
            ("training", trained),
        ]
        return Report(type(self).__name__, rows=rows)

    def _report(self) -> Report:
        return self.describe()

    @property
    def config(self) -> dict[str, Any]:
        """Arguments that build this network again.

        Example:
            >>> from pyrnn import CTRNN
            >>> rnn = CTRNN(3, 16, 2, tau=50.0)
            >>> CTRNN(**rnn.config).tau
            50.0
        """
        return config_of(self)

    @property
    def device(self) -> torch.device:
        """Device of the parameters.

        Example:
            >>> from pyrnn import RNN
            >>> RNN(3, 8, 2).device
            device(type='cpu')
        """
        return self.h0.device

    # ------------------------------------------------------------------ helpers

    def _learner(self) -> Learner | str:
        if self.engine.name != "fused":
            return self.engine.reason
        if self._overrides("forward", "initial_state", "training_loop"):
            return f"{type(self).__name__} has a forward or an initial state of its own"
        return learner_of(self)

    def _overrides(self, *names: str) -> bool:
        """Whether the class, the instance or a hook changes what these methods do."""
        return has_hooks(self) or any(
            getattr(type(self), name) is not getattr(RNNBase, name) or name in vars(self)
            for name in names
        )

    def _forward_and_backward(self, inputs: Tensor) -> tuple[Rollout, Callable[[Tensor], None]]:
        if self._overrides("forward"):
            return self(inputs), Tensor.backward
        h, noise = self._begin(inputs, None)
        states, outputs, adjoint = unroll_and_adjoint(self, inputs, h, noise, engine=self.engine)

        def backward(loss: Tensor) -> None:
            loss.backward()
            adjoint()

        return Rollout(outputs, states), backward

    @property
    def _noise_scale(self) -> float | Tensor:
        r"""Standard deviation :math:`\sqrt2\,\sigma` of the noise in the input of a step."""
        return 2**0.5 * self.noise

    @property
    def _alpha(self) -> float | Tensor:
        """Euler step of the equation, 1 in discrete time."""
        return 1.0

    @property
    def _like(self) -> Tensor:
        return self.h0

    def _begin(self, inputs: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the initial states and the noise."""
        check_inputs(inputs, self.input_size, self.h0.dtype)
        shape = inputs.shape[:-2]
        h = self.initial_state(shape) if h is None else expand_state(h, shape, self.state_size)
        return h, self._noise_of(inputs)

    def _noise_of(self, inputs: Tensor) -> Tensor | None:
        return self._draw_noise(inputs) if self.training and self.noise > 0 else None

    def _draw_noise(self, inputs: Tensor) -> Tensor:
        shape = (*inputs.shape[:-1], self._n_gates * self.hidden_size)
        noise = torch.randn(shape, generator=self.generator, dtype=inputs.dtype)
        return self._noise_scale * noise.to(inputs.device)

    def _predict_in_batches(
        self, inputs: Tensor, h: Tensor | None, size: int, progress: bool
    ) -> Rollout:
        starts = range(0, len(inputs), size)
        parts = [
            self(inputs[i : i + size], h[i : i + size] if h is not None and h.ndim > 1 else h)
            for i in track(starts, "predict", enabled=progress)
        ]
        return Rollout(*(torch.cat(part) for part in zip(*parts, strict=True)))


def load(
    path: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    activation: str | Activation | None = None,
    trusted: bool = False,
) -> RNNBase:
    """Read a network from a file; no code of the file is run.

    Args:
        path: A file that ``save`` wrote.
        device: Where to put the network.
        activation: Its activation. It is needed if the file names a function that cannot be
            found, such as one of the script that saved it.
        trusted: Whether the file is your own. A torch before 2.10 has known faults that a file
            made to do harm can use, and reads files of others no more.

    Returns:
        The network, of the class that was saved, with its history, in the mode it was saved in.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If it holds something else than a network of pyrnn.
        ValueError: If it is damaged, of another program or of a class that is unknown, or if the
            device does not exist.

    Example:
        >>> import pyrnn
        >>> path = pyrnn.CTRNN(3, 8, 2).save(getfixture("tmp_path") / "network.pt")
        >>> type(pyrnn.load(path)).__name__
        'CTRNN'
    """
    device = as_device("device", device)
    rnn = checkpoint.read(path, activation=activation, trusted=as_boolean("trusted", trusted))
    if not isinstance(rnn, RNNBase):
        raise TypeError(f"expected a network of pyrnn in {path}, got a {type(rnn).__name__}")
    return rnn.to(device)
