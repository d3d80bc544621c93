"""Whatever anybody hands over: a result that can be used, or one error that says what is wrong.

``pytest tests/fuzz --fuzz=20000`` makes twenty thousand calls instead of a thousand.
"""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch

import pyrnn
from pyrnn.tasks import Task
from pyrnn.training import Curriculum, fit
from tests.fuzz.calls import callables, parameters, right_call
from tests.fuzz.values import WRONG, Given

CALLS = callables()
CLEAR = (TypeError, ValueError, FloatingPointError, FileNotFoundError, OSError)


@pytest.fixture(scope="module")
def given() -> Given:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    made = Given()
    torch.set_default_dtype(before)
    return made


@pytest.mark.parametrize("name", CALLS)
def test_the_right_call_works(name: str, given: Given, tmp_path: Path) -> None:
    arguments = right_call(name, CALLS[name], given, tmp_path)
    use(CALLS[name](**copy.copy(arguments)), given)
    plt.close("all")


def use(made: object, given: Given) -> None:
    """Use what was made, as far as it is for use."""
    if isinstance(made, pyrnn.RNNBase):
        made(torch.zeros(2, 3, made.input_size))
        pyrnn.checkpoint.from_bytes(type(made), pyrnn.checkpoint.to_bytes(made))
    elif isinstance(made, Task):
        inputs, _, mask = made.batch(2)[:3]
        assert inputs.isfinite().all()
        assert mask.isfinite().all()
    elif type(made).__module__.startswith("pyrnn.training.penalties"):
        fit(copy.deepcopy(given.rnn), given.task, epochs=1, penalties=made, progress=False)
    elif type(made).__module__.startswith("pyrnn.constraints"):
        layer = torch.nn.Linear(4, 2)
        pyrnn.constraints.constrain(layer, made)  # type: ignore[arg-type]
        assert layer.weight.isfinite().all()
    elif isinstance(made, Curriculum):
        fit(copy.deepcopy(given.rnn), given.task, epochs=1, curriculum=made, progress=False)


def attempt(call: Callable[..., object], arguments: dict[str, Any], given: Given) -> str:
    """Return what is wrong with how a call ends; nothing if it ends well."""
    try:
        made = call(**arguments)
    except CLEAR as error:
        return "" if is_clear(error) else f"when made: {type(error).__name__}: {error}"
    except ZeroDivisionError as error:  # of the function that was handed over, which is the user's
        return "" if str(error) == "division by zero" else f"when made: {error}"
    except Exception as error:
        return f"when made: {type(error).__name__}: {error}"
    try:
        use(made, given)
    except FloatingPointError:
        return ""
    except ZeroDivisionError as error:  # likewise
        return "" if str(error) == "division by zero" else f"when used: {error}"
    except ValueError as error:  # what fits this layer or this network only their use can tell
        is_fitted = type(made).__module__.startswith(("pyrnn.constraints", "pyrnn.training"))
        return "" if is_fitted and is_clear(error) else f"when used: ValueError: {error}"
    except Exception as error:
        return f"when used: {type(error).__name__}: {error}"
    return ""


def is_clear(error: BaseException) -> bool:
    """Return whether a message says what must be, and what came."""
    text = str(error)
    return text.startswith("expected") and ("got" in text or "takes" in text)


def test_a_thousand_wrong_calls(
    given: Given, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    n_calls, rng = request.config.getoption("--fuzz"), random.Random(0)
    failures: dict[str, str] = {}
    pairs = [(name, p.name) for name, call in CALLS.items() for p in parameters(call)]
    for _ in range(n_calls):
        name, argument = rng.choice(pairs)
        kind = rng.choice(list(WRONG))
        arguments = copy.copy(right_call(name, CALLS[name], given, tmp_path))
        arguments[argument] = WRONG[kind]()
        if name == "training.fit" and argument != "rnn":
            arguments["rnn"] = copy.deepcopy(given.rnn)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = attempt(CALLS[name], arguments, given)
        plt.close("all")
        if problem:
            failures[f"{name}({argument}={kind})"] = problem[:300]
    lines = [f"{call}: {problem}" for call, problem in sorted(failures.items())]
    assert not failures, f"{len(lines)} of {n_calls}\n" + "\n".join(lines)
