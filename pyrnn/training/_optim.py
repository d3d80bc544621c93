"""Optimizers and schedulers by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from pyrnn.validate import as_number

__all__ = [
    "OPTIMIZERS",
    "SCHEDULERS",
    "SGD",
    "Adam",
    "AdamW",
    "OptimizerSpec",
    "SchedulerSpec",
    "make_optimizer",
    "make_scheduler",
    "moments_of",
]

OptimizerSpec: TypeAlias = "str | Callable[..., Optimizer]"
SchedulerSpec: TypeAlias = "str | Callable[[Optimizer], LRScheduler] | None"

_fused_update = getattr(torch, "_fused_adam_", None)  # private, so that a version may lack it


_Method = TypeVar("_Method", bound=Callable[..., object])


def _plain(method: _Method) -> _Method:
    # without a wrapper that keeps torch.compile out, and imports all of it: 800 modules, a second
    return getattr(method, "__wrapped__", method)


class _Light(Optimizer):
    """An optimizer that does not import ``torch.compile``."""

    add_param_group = _plain(Optimizer.add_param_group)
    load_state_dict = _plain(Optimizer.load_state_dict)
    state_dict = _plain(Optimizer.state_dict)
    zero_grad = _plain(Optimizer.zero_grad)


_adam_step = _plain(torch.optim.Adam.step)  # before an instance wraps it once more
_sgd_step = _plain(torch.optim.SGD.step)


class AdamW(_Light, torch.optim.AdamW):
    """torch's AdamW.

    Example:
        >>> AdamW([nn.Parameter(torch.ones(1))], lr=0.1).param_groups[0]["weight_decay"]
        0.01
    """

    step = torch.no_grad()(_adam_step)


class SGD(_Light, torch.optim.SGD):
    """torch's SGD.

    Example:
        >>> SGD([nn.Parameter(torch.ones(1))], lr=0.1).param_groups[0]["momentum"]
        0
    """

    step = torch.no_grad()(_sgd_step)


class Adam(_Light, torch.optim.Adam):
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
        new = [p for parameters in groups for p in parameters if p not in self.state]
        if _fused_update is None or not all(p.is_cpu for p in new):
            super().step()
            return loss
        for p in new:
            moments_of(self, p)
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


def moments_of(optimizer: Optimizer, p: nn.Parameter) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean gradient, mean squared gradient and number of steps of Adam; zeros at first.

    Args:
        optimizer: A fused ``Adam`` or ``AdamW``, which keeps them in its state.
        p: One of its parameters, on the CPU.

    Example:
        >>> weight = nn.Parameter(torch.ones(1))
        >>> moments_of(Adam([weight], fused=True), weight)
        (tensor([0.]), tensor([0.]), tensor(0.))
    """
    state = optimizer.state[p]
    if not state:
        state["step"] = torch.zeros((), dtype=torch.float32)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
    return state["exp_avg"], state["exp_avg_sq"], state["step"]


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": partial(Adam, fused=True),
    "adamw": partial(AdamW, fused=True),
    "sgd": SGD,
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
