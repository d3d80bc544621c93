"""Optimizer steps in the compiled kernel, for runs whose arguments allow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

from pyrnn.training._flat import Flat
from pyrnn.training._named import Penalty
from pyrnn.training._optim import SGD, Adam, AdamW, moments_of
from pyrnn.training.data import Batch, check_finite
from pyrnn.training.losses import LOSSES, Loss
from pyrnn.training.network import Trainable
from pyrnn.unroll._model import is_transformed
from pyrnn.unroll.train import Rates, Step

__all__ = ["KernelStep", "Made", "Trained", "obstacle"]

_OPTIMIZERS = {Adam: "adam", AdamW: "adamw", SGD: "sgd"}
_UNKNOWN = ("amsgrad", "maximize", "momentum", "nesterov")  # options of them


class Trained(Protocol):
    """What is needed of a run; ``Training`` is one."""

    network: Trainable
    penalties: Mapping[str, Penalty]
    clip_norm: float | None
    clip_value: float | None
    optimizer: Optimizer
    flats: list[Flat]
    parameters: list[nn.Parameter]

    @property
    def loss(self) -> Loss:
        """The loss."""


class Made(NamedTuple):
    """What a step leaves: outputs, terms of the loss by name, and the weight of the batch."""

    outputs: Tensor
    terms: dict[str, Tensor | float]
    weight: Tensor | float


def obstacle(run: Trained) -> str | None:
    """Return why torch must make the steps of a run; None if the kernel can."""
    learner = run.network._learner()
    if isinstance(learner, str):
        return learner
    if run.penalties:
        return f"the penalties {', '.join(run.penalties)}"
    if _loss_name(run) is None:
        return "a loss that is none of pyrnn's"
    if is_transformed():
        return "a transform of torch is active"
    known = {id(weight.free) for weight in learner.weights.values()}
    if not all(id(p) in known for p in run.parameters):
        return "parameters in addition to those of the equation"
    if not all(p.requires_grad for p in run.parameters):
        return "a layer that was frozen during training"
    return _obstacle_of_optimizer(run)


def _obstacle_of_optimizer(run: Trained) -> str | None:
    optimizer, (group, *others) = run.optimizer, run.optimizer.param_groups
    whole = [flat.whole for flat in run.flats]
    has_hooks = any(
        getattr(optimizer, name, None)
        for name in ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    )
    if type(optimizer) not in _OPTIMIZERS or any(group.get(name) for name in _UNKNOWN):
        return f"the optimizer {type(optimizer).__name__}, or an option of it"
    if others or has_hooks or len(whole) != 1 or group["params"] != whole:
        return "an optimizer with hooks, or that treats layers differently"
    return None


def _loss_name(run: Trained) -> str | None:
    is_default = getattr(run.loss, "__func__", None) is Trainable.loss
    names = (name for name, function in LOSSES.items() if function is run.loss)
    return "mse" if is_default else next(names, None)


class KernelStep:
    """The steps of a run that has no obstacle; ``make_steps`` makes those of several at once."""

    def __init__(self, run: Trained) -> None:
        self._run, (flat,) = run, run.flats
        self.step = Step(
            run.network._learner(),  # type: ignore[arg-type]  # there is no obstacle
            flat.whole,
            flat.gradient,
            () if type(run.optimizer) is SGD else moments_of(run.optimizer, flat.whole),
            str(_loss_name(run)),
            _OPTIMIZERS[type(run.optimizer)],  # type: ignore[index]
            run.clip_norm or 0.0,
            run.clip_value or 0.0,
        )

    def load(self, batch: Batch) -> bool:
        """Prepare a step; return whether the kernel can make it."""
        if not self.step.takes(*batch):
            return False
        noise = self._run.network._noise_of(batch.inputs)
        self.step.load(*batch, noise, _rates(self._run.optimizer.param_groups[0]))
        return True

    def made(self, batch: Batch) -> Made:
        """Return what the step has left.

        Raises:
            ValueError: If the batch holds numbers that are not finite.
            FloatingPointError: If the weights are too large.
        """
        result = self.step.result()
        check_finite(batch, result.loss)
        terms: dict[str, Tensor | float] = {"loss": result.loss}
        if self._run.clip_norm is not None:
            check_finite(batch, result.norm, "gradient")
            terms["gradient_norm"] = result.norm
        return Made(result.outputs, terms, result.weight)


def _rates(group: Mapping[str, object]) -> Rates:
    beta1, beta2 = group.get("betas", (0.0, 0.0))  # type: ignore[misc, attr-defined]
    return Rates(
        float(group["lr"]),  # type: ignore[arg-type]  # torch allows a tensor
        float(beta1),  # type: ignore[has-type]
        float(beta2),  # type: ignore[has-type]
        group.get("eps", 0.0),  # type: ignore[arg-type]
        group["weight_decay"],  # type: ignore[arg-type]
    )
