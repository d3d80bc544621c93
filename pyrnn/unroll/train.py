"""Steps of training in the kernel, for several networks of one shape: ``train.h``."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyrnn.reflection import Reflection
from pyrnn.unroll import fused
from pyrnn.unroll._arguments import PARAMETERS, Member, Stack
from pyrnn.unroll._model import activation_of, are_plain, equation_of, reads_in_kernel
from pyrnn.unroll.engine import Model
from pyrnn.unroll.fused import ACTIVATIONS, DTYPES

__all__ = ["LOSSES", "OPTIMIZERS", "Learner", "Rates", "Result", "Steps", "Weight", "learner_of"]

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
        >>> learner.shape
        ('rate', 'tanh', 16, 3, 2, torch.float32)
        >>> sorted(learner.weights)
        ['bias', 'bias_out', 'h0', 'w_in', 'w_out', 'w_rec']
    """

    form: str
    activation: str
    alpha: Tensor
    weights: dict[str, Weight]

    @property
    def shape(self) -> tuple[object, ...]:
        """What networks of one stack have in common."""
        n, n_in = self.weights["w_in"].free.shape
        n_out = len(self.weights["w_out"].free)
        return self.form, self.activation, n, n_in, n_out, self.alpha.dtype


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


class Steps:
    """Steps of training of several networks of one shape.

    Args:
        learners: The networks.
        values: Of each network, all parameters that learn, side by side.
        gradients: Where their gradients are put, after clipping.
        moments: Of each network mean gradient, mean squared gradient and number of steps; empty
            for ``sgd``.
        loss: One of ``LOSSES``.
        optimizer: One of ``OPTIMIZERS``.
        clips: Of each network the largest norm and the largest component of the gradient; zero
            for no limit.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 16, 2, bias=False, frozen=["w_in", "w_rec"])
        >>> weight = rnn.w_out.weight
        >>> weight.grad = torch.zeros_like(weight)
        >>> steps = Steps([learner_of(rnn)], [weight], [weight.grad], [()], "mse", "sgd", [(0, 0)])
        >>> batch = torch.ones(5, 20, 3), torch.ones(5, 20, 2), None
        >>> steps.takes(*batch)  # doctest: +SKIP
        True
        >>> [result] = steps.make([batch], [None], [Rates(0.1)])  # doctest: +SKIP
        >>> result.loss  # doctest: +SKIP
        1.0
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        values: Sequence[Tensor],
        gradients: Sequence[Tensor],
        moments: Sequence[tuple[Tensor, ...]],
        loss: str,
        optimizer: str,
        clips: Sequence[tuple[float, float]],
    ) -> None:
        first = learners[0]
        n, n_in = first.weights["w_in"].free.shape
        self.n_outputs, self.dtype = len(first.weights["w_out"].free), first.alpha.dtype
        self.loss = loss
        self.stack = Stack(
            members=len(learners), units=n, inputs=n_in, outputs=self.n_outputs,
            current=first.form == "current", activation=ACTIVATIONS.index(first.activation),
            loss=LOSSES.index(loss), optimizer=OPTIMIZERS.index(optimizer),
        )  # fmt: skip
        self.members = (Member * len(learners))()
        self._step = getattr(fused.library(), f"train_{DTYPES[first.alpha.dtype]}")
        self._outputs: list[Tensor] = []
        self._kept = [values, gradients, moments]  # the kernel has addresses alone
        for i, member in enumerate(self.members):
            self._kept.append(_fill(member, learners[i], values[i], gradients[i], moments[i]))
            member.clip_norm, member.clip_value = clips[i]

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
        work = shape[0] * shape[1] * self.stack.units * (self.stack.units + self.stack.inputs)
        return fits and 0 < work <= _WORK and are_plain(inputs, targets, mask)

    def make(
        self,
        batches: Sequence[tuple[Tensor, Tensor, Tensor | None]],
        noises: Sequence[Tensor | None],
        rates: Sequence[Rates],
    ) -> list[Result]:
        """Make a step of each network.

        Args:
            batches: Inputs, targets and mask for each network, of one shape, which ``takes``.
            noises: Noise in the input current, ``(trials, time, hidden_size)``, or None.
            rates: Numbers of the optimizers.

        Returns:
            For each network what the step tells.
        """
        trials, steps, _ = batches[0][0].shape
        stack = self.stack
        if (stack.trials, stack.steps) != (trials, steps):
            shape = stack.members, trials, steps, self.n_outputs
            self._outputs = list(torch.empty(shape, dtype=self.dtype).unbind())
            for member, outputs in zip(self.members, self._outputs, strict=True):
                member.y = outputs.data_ptr()
            stack.trials, stack.steps = trials, steps
        mask, targets = batches[0][2], batches[0][1]
        stack.has_classes = targets.ndim == 2
        stack.mask_size = 0 if mask is None else 1 if mask.ndim == 2 else self.n_outputs
        work = stack.members * trials * steps * stack.units * (stack.units + stack.inputs)
        stack.threads = fused.thread_count(work)
        kept = [
            _set(member, batch, noise, rate)
            for member, batch, noise, rate in zip(
                self.members, batches, noises, rates, strict=True
            )
        ]
        self._step(ctypes.byref(stack), self.members)
        del kept
        return [
            Result(member.loss, member.norm, member.weight, outputs)
            for member, outputs in zip(self.members, self._outputs, strict=True)
        ]


def _set(
    member: Member,
    batch: tuple[Tensor, Tensor, Tensor | None],
    noise: Tensor | None,
    rates: Rates,
) -> list[Tensor]:
    """Write a batch and the numbers of an optimizer; return what must not be freed."""
    inputs, targets, mask = batch
    if targets.ndim == 2:
        targets = targets.long()
    kept = [inputs.contiguous(), targets.contiguous()]
    member.x, member.targets = kept[0].data_ptr(), kept[1].data_ptr()
    member.mask = member.noise = None
    if mask is not None:
        kept.append(mask.contiguous())
        member.mask = kept[-1].data_ptr()
    if noise is not None:
        kept.append(noise.contiguous())
        member.noise = kept[-1].data_ptr()
    member.lr, member.beta1, member.beta2, member.eps, member.decay = rates
    return kept


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
