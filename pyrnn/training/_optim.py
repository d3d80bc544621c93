"""Optimizers and schedulers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from pyrnn.validate import as_number

__all__ = [
    "OPTIMIZERS",
    "SCHEDULERS",
    "Adam",
    "OptimizerSpec",
    "SchedulerSpec",
    "make_optimizer",
    "make_scheduler",
]

OptimizerSpec: TypeAlias = "str | Callable[..., Optimizer]"
SchedulerSpec: TypeAlias = "str | Callable[[Optimizer], LRScheduler] | None"

_fused_update = getattr(torch, "_fused_adam_", None)  # private, so that a version may lack it


class Adam(torch.optim.Adam):
    """torch's fused Adam, without the bookkeeping that takes longer than a small update.

    Example:
        >>> weight = nn.Parameter(torch.ones(1))
        >>> optimizer = Adam([weight], lr=0.1, fused=True)
        >>> weight.square().sum().backward()
        >>> optimizer.step()
        >>> round(weight.item(), 6)
        0.9
    """

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """Make one step.

        Args:
            closure: Function that computes the gradients and returns the loss.

        Returns:
            The loss, or None without a closure.
        """
        loss = None if closure is None else closure()
        groups = [[p for p in g["params"] if p.grad is not None] for g in self.param_groups]
        is_first = any(p not in self.state for parameters in groups for p in parameters)
        if _fused_update is None or is_first:
            super().step()
            return loss
        for group, parameters in zip(self.param_groups, groups, strict=True):
            beta1, beta2 = group["betas"]
            states = [self.state[p] for p in parameters]
            steps = [state["step"].add_(1) for state in states]
            with torch.no_grad():
                _fused_update(
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

    # torch wraps a step in a profiler's record unless it is marked; versions that do not look at
    # the mark wrap it, which costs time and changes nothing
    step.hooked = True  # type: ignore[attr-defined]


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
        parameters: Parameters to change.
        lr: Learning rate.

    Returns:
        The optimizer.

    Raises:
        TypeError: If it is no optimizer.
        ValueError: If the name is unknown, the rate is not positive or there is no parameter.

    Example:
        >>> type(make_optimizer("rprop", nn.Linear(2, 2).parameters(), lr=0.01)).__name__
        'Rprop'
    """
    lr = as_number("lr", lr, above=0)
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
    made = _called("optimizer(parameters, lr=lr)", optimizer, parameters, lr=lr)
    if not isinstance(made, Optimizer):
        raise TypeError(
            f"expected a function that returns an optimizer of torch, got one that returns a "
            f"{type(made).__name__}"
        )
    return made


def _called(
    what: str, function: Callable[..., object], *args: object, **options: object
) -> object:
    try:
        return function(*args, **options)
    except TypeError as error:
        raise TypeError(f"expected {what} to work, got {error}") from error


def make_scheduler(
    scheduler: SchedulerSpec, optimizer: Optimizer, n_steps: int | None
) -> LRScheduler | None:
    """Build a learning-rate scheduler, or None.

    With ``"cosine"`` the rate falls to zero along a cosine over the whole training, with
    ``"linear"`` along a line, with ``"exponential"`` to a hundredth. With ``"plateau"`` it is
    divided by ten when the loss has not improved for ten epochs. A function of the optimizer may
    return any torch scheduler, e.g.
    ``lambda opt: torch.optim.lr_scheduler.MultiStepLR(opt, [500, 1000])``. It is called after
    every optimizer step, ``"plateau"`` after every epoch.

    Args:
        scheduler: A name, a function, or None.
        optimizer: The optimizer.
        n_steps: Number of steps of the whole training; None if unknown.

    Returns:
        The scheduler, or None.

    Raises:
        TypeError: If it is no scheduler.
        ValueError: If the name is unknown, or needs the length of a dataset that has none.

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
        made = _called("scheduler(optimizer)", scheduler, optimizer)
        if not isinstance(made, lr_scheduler.LRScheduler):
            raise TypeError(
                "expected a function of the optimizer that returns a scheduler of torch, got one "
                f"that returns a {type(made).__name__}"
            )
        return made
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
