"""Steps of training in the kernel, for several networks at once: ``train.h``."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyrnn.reflection import Reflection
from pyrnn.unroll import fused
from pyrnn.unroll._arguments import PARAMETERS, Member
from pyrnn.unroll._model import activation_of, are_plain, equation_of, reads_in_kernel
from pyrnn.unroll.engine import Model
from pyrnn.unroll.fused import ACTIVATIONS, DTYPES

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "Learner",
    "Rates",
    "Result",
    "Step",
    "Weight",
    "learner_of",
    "make_steps",
]

# In the order of the kernel's own lists.
LOSSES = ("mse", "cross_entropy", "binary_cross_entropy", "poisson")
OPTIMIZERS = ("adam", "adamw", "sgd")

_WORK = 2**31  # multiplications in one call, some tenths of a second, for which Ctrl-C waits
_PLACES = {  # attributes of a network, by the kernel's names
    "w_rec": ("w_rec", "weight"),
    "w_in": ("w_in", "weight"),
    "w_out": ("w_out", "weight"),
    "bias": ("w_rec", "bias"),
    "bias_in": ("w_in", "bias"),
    "bias_out": ("w_out", "bias"),
}


class Weight(NamedTuple):
    """A tensor of the equation: a parameter, and the bounds between which it is reflected.

    Attributes:
        free: The parameter.
        inside: Its parametrization, or None.

    Example:
        >>> Weight(torch.zeros(2)).inside is None
        True
    """

    free: Tensor
    inside: Reflection | None = None


class Learner(NamedTuple):
    """A network as the kernel trains it.

    Attributes:
        form: ``rate`` or ``current``.
        activation: Name of the activation function.
        alpha: Euler steps, ``(hidden_size,)``.
        weights: Tensors of the equation by name, among ``PARAMETERS``.

    Example:
        >>> from pyrnn import RNN
        >>> learner = learner_of(RNN(3, 16, 2))
        >>> learner.form, sorted(learner.weights)
        ('rate', ['bias', 'bias_out', 'h0', 'w_in', 'w_out', 'w_rec'])
    """

    form: str
    activation: str
    alpha: Tensor
    weights: dict[str, Weight]


class Rates(NamedTuple):
    """Numbers of an optimizer that may change from step to step.

    Attributes:
        lr: Learning rate.
        beta1: Decay of the mean gradient.
        beta2: Decay of the mean squared gradient.
        eps: Added to the root of the latter.
        decay: Weight decay.

    Example:
        >>> Rates(lr=0.1).beta1
        0.9
    """

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decay: float = 0.0


class Result(NamedTuple):
    """What a step tells. Nothing was changed if one of the first two numbers is not finite.

    Attributes:
        loss: The mean loss.
        norm: Norm of the gradient before clipping; zero if it is not clipped.
        weight: Sum of the mask.
        outputs: Outputs, ``(trials, time, output_size)``; the next step overwrites them.

    Example:
        >>> Result(0.5, 1.0, 20.0, torch.zeros(1, 20, 1)).loss
        0.5
    """

    loss: float
    norm: float
    weight: float
    outputs: Tensor


def learner_of(rnn: Model) -> Learner | str:
    """Return a network as the kernel trains it, or why it cannot.

    Args:
        rnn: A network that the engine ``fused`` unrolls.

    Example:
        >>> from pyrnn import CTRNN
        >>> learner_of(CTRNN(3, 16, 2, train_tau=True))
        'the time constants learn'
    """
    if not reads_in_kernel(rnn):
        return "the readout is not that of the equation"
    alpha, h0 = rnn._alpha, rnn.h0
    if isinstance(alpha, Tensor) and alpha.requires_grad:
        return "the time constants learn"
    n = rnn.w_rec.in_features
    weights = {"h0": Weight(h0)}
    for name, (layer, attribute) in _PLACES.items():
        found = _weight(getattr(rnn, layer), attribute)
        if isinstance(found, str):
            return found
        if found is not None:
            weights[name] = found
    tensors = [weight.free for weight in weights.values()]
    if not all(t.dtype is h0.dtype and t.is_cpu and t.is_contiguous() for t in tensors):
        return "the parameters differ in dtype, device or layout"
    alphas = torch.as_tensor(alpha, dtype=h0.dtype).expand(n).contiguous()
    return Learner(equation_of(rnn), activation_of(rnn), alphas, weights)


def _weight(layer: nn.Module, name: str) -> Weight | str | None:
    if not parametrize.is_parametrized(layer, name):
        free = getattr(layer, name)
        return None if free is None else Weight(free)
    chain = layer.parametrizations[name]  # type: ignore[union-attr, index]
    if len(chain) != 1 or type(chain[0]) is not Reflection:
        return "a weight has a parametrization of another kind"
    return Weight(chain.original, chain[0])  # type: ignore[union-attr, arg-type]


class Step:
    """The steps of training of one network; ``make_steps`` makes those of several at once.

    Args:
        learner: The network.
        values: All parameters that learn, side by side.
        gradient: Where their gradient is put, after clipping.
        moments: Mean gradient, mean squared gradient and number of steps; empty for ``sgd``.
        loss: One of ``LOSSES``.
        optimizer: One of ``OPTIMIZERS``.
        clip_norm: Largest norm of the gradient; zero for no limit.
        clip_value: Largest component of the gradient; zero for no limit.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 16, 2, bias=False, frozen=["w_in", "w_rec"])
        >>> weight = rnn.w_out.weight
        >>> weight.grad = torch.zeros_like(weight)
        >>> step = Step(learner_of(rnn), weight, weight.grad, (), "mse", "sgd", 0.0, 0.0)
        >>> batch = torch.ones(5, 20, 3), torch.ones(5, 20, 2), None
        >>> step.takes(*batch)
        True
        >>> step.load(*batch, None, Rates(lr=0.1))
        >>> make_steps([step])  # doctest: +SKIP
        >>> step.result().loss  # doctest: +SKIP
        1.0
    """

    def __init__(
        self,
        learner: Learner,
        values: Tensor,
        gradient: Tensor,
        moments: tuple[Tensor, ...],
        loss: str,
        optimizer: str,
        clip_norm: float,
        clip_value: float,
    ) -> None:
        n, n_in = learner.weights["w_in"].free.shape
        self.loss, self.dtype = loss, learner.alpha.dtype
        self.n_outputs = len(learner.weights["w_out"].free)
        self.per_step = n * (n + n_in)
        self.member = Member(
            units=n, inputs=n_in, outputs=self.n_outputs,
            current=learner.form == "current", activation=ACTIVATIONS.index(learner.activation),
            loss=LOSSES.index(loss), optimizer=OPTIMIZERS.index(optimizer),
            clip_norm=clip_norm, clip_value=clip_value,
        )  # fmt: skip
        self.pointer = ctypes.pointer(self.member)
        self._outputs = torch.empty(0)
        self._network = _fill(self.member, learner, values, gradient, moments)
        self._batch: list[Tensor] = []

    def takes(self, inputs: Tensor, targets: Tensor, mask: Tensor | None) -> bool:
        """Return whether the kernel can make a step of a batch, and in a short time.

        Args:
            inputs: Inputs, ``(trials, time, input_size)``.
            targets: Targets, as the loss has them.
            mask: Weights, or None.
        """
        shape = *inputs.shape[:2], self.n_outputs
        fits = targets.shape == shape and targets.dtype is inputs.dtype
        if self.loss == "cross_entropy":
            fits |= targets.shape == shape[:2] and not targets.is_floating_point()
            fits &= mask is None or mask.ndim == 2
        is_short = 0 < shape[0] * shape[1] * self.per_step <= _WORK
        return fits and is_short and are_plain(inputs, targets, mask)

    def load(
        self,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor | None,
        noise: Tensor | None,
        rates: Rates,
    ) -> None:
        """Prepare a step with a batch.

        Args:
            inputs: Inputs, ``(trials, time, input_size)``.
            targets: Targets, as the loss has them.
            mask: Weights, or None.
            noise: Noise in the input current, ``(trials, time, hidden_size)``, or None.
            rates: Numbers of the optimizer.
        """
        member, shape = self.member, (*inputs.shape[:2], self.n_outputs)
        if self._outputs.shape != shape:
            self._outputs = torch.empty(shape, dtype=self.dtype)
            member.trials, member.steps = shape[:2]
            member.y = self._outputs.data_ptr()
        member.has_classes = targets.ndim == 2
        member.mask_size = 0 if mask is None else 1 if mask.ndim == 2 else self.n_outputs
        member.mask = member.noise = None
        self._batch = [inputs.contiguous(), targets.contiguous()]  # they must not be freed
        if member.has_classes:
            self._batch[1] = self._batch[1].long()
        member.x, member.targets = (field.data_ptr() for field in self._batch)
        if mask is not None:
            self._batch.append(mask.contiguous())
            member.mask = self._batch[-1].data_ptr()
        if noise is not None:
            self._batch.append(noise.contiguous())
            member.noise = self._batch[-1].data_ptr()
        member.lr, member.beta1, member.beta2, member.eps, member.decay = rates

    def result(self) -> Result:
        """Return what the step has found."""
        member = self.member
        return Result(member.loss_found, member.norm, member.weight, self._outputs)


def make_steps(steps: Sequence[Step]) -> None:
    """Make the steps of several networks of one dtype in one call.

    Args:
        steps: The steps, each with a batch.

    Example:
        >>> make_steps([])
    """
    if not steps:
        return
    pointers = (ctypes.POINTER(Member) * len(steps))(*(step.pointer for step in steps))
    work = sum(step.member.trials * step.member.steps * step.per_step for step in steps)
    train = getattr(fused.library(), f"train_{DTYPES[steps[0].dtype]}")
    train(pointers, ctypes.c_int64(len(steps)), ctypes.c_int64(fused.thread_count(work)))


def _fill(
    member: Member,
    learner: Learner,
    values: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, ...],
) -> list[Tensor]:
    """Write the addresses of a network; return what must not be freed."""
    member.alpha, member.size = learner.alpha.data_ptr(), values.numel()
    member.values, member.gradient = values.data_ptr(), gradient.data_ptr()
    if moments:
        member.mean, member.square, member.count = (moment.data_ptr() for moment in moments)
    kept = [learner.alpha]
    for place, name in zip(member.parameters, PARAMETERS, strict=True):
        weight = learner.weights.get(name)
        if weight is None:
            continue
        place.free = weight.free.data_ptr()
        if weight.free.requires_grad and weight.free.grad is not None:
            place.gradient = weight.free.grad.data_ptr()
        kept.append(weight.free)
        if weight.inside is not None:
            bounds = weight.inside.low.contiguous(), weight.inside.high.contiguous()
            place.low, place.high = (bound.data_ptr() for bound in bounds)
            place.is_folded = weight.inside.has_spans
            kept += bounds
    return kept
