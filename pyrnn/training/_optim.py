"""Optimizers and schedulers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

__all__ = ["OPTIMIZERS", "SCHEDULERS", "make_optimizer", "make_scheduler"]

OptimizerSpec: TypeAlias = "str | Callable[..., Optimizer]"
SchedulerSpec: TypeAlias = "str | Callable[[Optimizer], Any] | None"


class Adam(torch.optim.Adam):
    """torch's fused Adam, without the bookkeeping that takes longer than a small update."""

    def step(self, closure: Any = None) -> Any:
        """Make one step."""
        loss = None if closure is None else closure()
        groups = [[p for p in g["params"] if p.grad is not None] for g in self.param_groups]
        if any(p not in self.state for parameters in groups for p in parameters):
            super().step()  # makes the state of those that learn for the first time
            return loss
        for group, parameters in zip(self.param_groups, groups, strict=True):
            beta1, beta2 = group["betas"]
            states = [self.state[p] for p in parameters]
            steps = [state["step"].add_(1) for state in states]
            with torch.no_grad():
                torch._fused_adam_(
                    parameters,
                    [p.grad for p in parameters],
                    [state["exp_avg"] for state in states],
                    [state["exp_avg_sq"] for state in states],
                    [],
                    steps,
                    amsgrad=False,
                    lr=group["lr"],
                    beta1=beta1,
                    beta2=beta2,
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    maximize=group["maximize"],
                )
        return loss

    step.hooked = True  # type: ignore[attr-defined]  # torch would wrap it in a profiler's record


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": partial(Adam, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
    "lbfgs": torch.optim.LBFGS,
}
SCHEDULERS = ("cosine", "exponential", "linear", "plateau")


def make_optimizer(
    optimizer: OptimizerSpec, parameters: Iterable[nn.Parameter], lr: float
) -> Optimizer:
    """Build an optimizer.

    Args:
        optimizer: One of ``OPTIMIZERS``, or a function of ``(parameters, lr=...)``: a torch
            class, or ``functools.partial(torch.optim.Adam, eps=0.1)``.
        parameters: What it changes.
        lr: Learning rate.

    Raises:
        ValueError: If the name is unknown, the rate isn't positive or nothing can learn.
        TypeError: If it is no optimizer.

    Example:
        >>> type(make_optimizer("rprop", nn.Linear(2, 2).parameters(), lr=0.01)).__name__
        'Rprop'
    """
    if not lr > 0:
        raise ValueError(f"expected lr > 0, got {lr}")
    parameters = list(parameters)
    if not parameters:
        raise ValueError("expected a network with something to learn, got all layers frozen")
    if isinstance(optimizer, str):
        if optimizer.lower() not in OPTIMIZERS:
            raise ValueError(
                f"expected an optimizer among {', '.join(OPTIMIZERS)}, or a torch class, got "
                f"{optimizer!r}"
            )
        optimizer = OPTIMIZERS[optimizer.lower()]
    if not callable(optimizer):
        raise TypeError(
            f"expected an optimizer's name, or a class or function of (parameters, lr=...), got "
            f"{type(optimizer).__name__}; pass the class itself, fit builds it"
        )
    return optimizer(parameters, lr=lr)


def make_scheduler(scheduler: SchedulerSpec, optimizer: Optimizer, n_steps: int | None) -> Any:
    """Build a learning-rate scheduler, or None.

    ``"cosine"`` falls to zero along a cosine over the whole training, ``"linear"`` along a line,
    ``"exponential"`` to a hundredth; ``"plateau"`` divides by ten when the loss stands still for
    ten epochs. Any torch scheduler comes as a function of the optimizer, such as
    ``lambda opt: torch.optim.lr_scheduler.MultiStepLR(opt, [500, 1000])``; it is stepped after
    every optimizer step (plateau: after every epoch).

    Args:
        scheduler: A name, a function, or None.
        optimizer: What it schedules.
        n_steps: Steps of the whole training, None if unknown.

    Raises:
        ValueError: If the name is unknown, or needs a length that the dataset does not tell.
        TypeError: If it is no scheduler.

    Example:
        >>> optimizer = make_optimizer("sgd", nn.Linear(2, 2).parameters(), lr=1.0)
        >>> scheduler = make_scheduler("cosine", optimizer, n_steps=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
    """
    if scheduler is None:
        return None
    if callable(scheduler):
        return scheduler(optimizer)
    if not isinstance(scheduler, str):
        raise TypeError(
            f"expected a scheduler's name or a function of the optimizer, got {scheduler!r}; "
            "write lambda optimizer: YourScheduler(optimizer, ...)"
        )
    if scheduler not in SCHEDULERS:
        raise ValueError(
            f"expected a scheduler among {', '.join(SCHEDULERS)}, or a function, got {scheduler!r}"
        )
    if scheduler == "plateau":
        return lr_scheduler.ReduceLROnPlateau(optimizer)
    if n_steps is None:
        raise ValueError(
            f"expected a dataset with a length for scheduler={scheduler!r}, got one without; "
            "pass a function of the optimizer instead"
        )
    if scheduler == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    if scheduler == "linear":
        return lr_scheduler.LinearLR(optimizer, 1.0, 0.0, n_steps)
    return lr_scheduler.ExponentialLR(optimizer, 0.01 ** (1 / n_steps))
