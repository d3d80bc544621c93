"""Write one page per task: what it is, a trial, and what a trained network makes of it.

Networks come from ``benchmarks/learnability.py --networks out/learnability``; those that are
missing are trained here, which takes from seconds to a minute each.

    python docs/tasks/make_pages.py [--networks out/learnability] [names of tasks]
    ruff format --config "format.exclude = []" docs/tasks
"""

import argparse
import inspect
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch

import pyrnn
from pyrnn.base import RNNBase
from pyrnn.plot import STYLE_SHEET, plot_trial
from pyrnn.training import Curriculum

MEMBERS = {
    "ReadySetGo": "produced, share_answered, accuracy, metric",
    "MultiTask": "accuracies, accuracy, metric",
}
GALLERY = {  # where the gallery analyzes a network that has learned the task
    "FlipFlop": "flipflop",
    "HeadingIntegrator": "heading_integrator",
    "WhiteNoiseIntegrator": "white_noise_integrator",
    "PulseToChirp": "pulse_to_chirp",
    "ContextIntegration": "context_integration",
    "PerceptualDecision": "decision_making",
}
SHOWN = {"CountPulses": 4, "SineGenerator": 4}  # trials in which more happens than in trial 1

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
from benchmarks.learnability import N_TEST, ROWS, Row, train  # noqa: E402

PAGE = """# {name}

{summary}

![A trial and a trained network's outputs](images/{name}.png)

*A trial: inputs above, targets (gray) and a trained network's outputs below; steps that are not
scored are shaded. On {n_test} fresh trials the network's {metric} is {value}.*

```python
from pyrnn import RateRNN
from pyrnn.plot import plot_trial
from pyrnn.tasks import {imports}
{extra_import}
task = {task}
rnn = RateRNN(task.input_size, 100, task.output_size, {network})
history = rnn.fit(
    task,
    epochs={epochs},
    batch_size={batch_size},
    lr={lr},
    scheduler="cosine",
    clip_norm={clip_norm},{curriculum}
)
plot_trial(task, rnn.predict(task[0].inputs).outputs)
```

{beyond}```{{eval-rst}}
.. autoclass:: pyrnn.tasks.{name}
   :members: {members}
   :no-index:
```

{gallery}See [what the default network learns](learnability.md) for three seeds of every task.
"""


def make_page(row: Row, networks: Path, index: int = 1) -> None:
    """Draw the picture and write the page of a task."""
    rnn = trained(row, networks)
    inputs, targets, mask = row.task.replace(seed=10_000, **row.test).batch(N_TEST)
    value = row.scale * row.task.metric(rnn.predict(inputs).outputs, targets, mask)
    draw(row, rnn, index)
    curriculum = row.curriculum() if row.curriculum else None
    page = PAGE.format(
        name=row.name,
        summary=inspect.getdoc(type(row.task)).split("\n")[0],
        n_test=N_TEST,
        metric=row.task.metric_name,
        value=f"{value:.3g}{row.unit if row.unit in ('%', '°') else ''}",
        imports=", ".join(sorted({row.name, *parts(row)})),
        task=call(row.task),
        network=", ".join(f"{k}={v}" for k, v in options(rnn).items()),
        epochs=row.steps * row.batch_size // len(row.task),
        batch_size=row.batch_size,
        lr=row.lr,
        clip_norm=row.clip_norm,
        curriculum=f"\n    curriculum={written(curriculum)}," if curriculum else "",
        extra_import="from pyrnn.training import Curriculum\n" if curriculum else "",
        members=MEMBERS.get(row.name, "accuracy, metric"),
        gallery=in_gallery(row.name),
        beyond=f"Beyond the default recipe: {row.note}.\n\n" if row.note else "",
    )
    (HERE / f"{row.name}.md").write_text(page)


def in_gallery(name: str) -> str:
    """Return a line that links to the example of a task, if there is one."""
    if name not in GALLERY:
        return ""
    program = (HERE.parents[1] / "examples" / f"{GALLERY[name]}.py").read_text()
    title = program.partition(".\n")[0].lstrip('"')
    return f"Its analysis is in the gallery: [{title}](../gallery/{GALLERY[name]}.rst).\n"


def trained(row: Row, networks: Path) -> RNNBase:
    """Load a trained network, or train one and keep it."""
    path = networks / f"{row.name}.pt"
    if not path.exists():
        networks.mkdir(parents=True, exist_ok=True)
        train(row, seed=0)[0].save(path)
    return pyrnn.load(path)


def draw(row: Row, rnn: RNNBase, index: int) -> None:
    """Draw a trial with the network's outputs."""
    outputs = rnn.predict(row.task.batch([index]).inputs).outputs[0]
    n_rows = row.task.input_size + row.task.output_size
    with plt.style.context(STYLE_SHEET):
        figure, ax = plt.subplots(figsize=(7, 1.2 + 0.55 * n_rows), layout="constrained")
        plot_trial(row.task, outputs, index=index, ax=ax)
    (HERE / "images").mkdir(exist_ok=True)
    figure.savefig(HERE / "images" / f"{row.name}.png", dpi=100)
    plt.close(figure)


def options(rnn: RNNBase) -> dict[str, object]:
    """Name the options of a network that the recipe sets."""
    return {"tau": float(rnn.tau), "dt": rnn.dt, "noise": rnn.noise}


def written(curriculum: Curriculum) -> str:
    """Write the call that makes a curriculum."""
    stages = [curriculum.parameters(stage) for stage in range(curriculum.n_stages)]
    values = {name: [stage[name] for stage in stages] for name in stages[0]}
    arguments = {"steps": curriculum.steps, **values}
    return f"Curriculum({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def parts(row: Row) -> list[str]:
    """Name the classes of the tasks that a task is made of."""
    return [type(part).__name__ for part in getattr(row.task, "tasks", {}).values()]


def call(task: object) -> str:
    """Write the call that makes a task, with what differs from the defaults."""
    changed = []
    for field in inspect.signature(type(task)).parameters.values():
        value = getattr(task, field.name)
        if field.name == "tasks":
            inner = ", ".join(f'"{name}": {call(part)}' for name, part in value.items())
            changed.append(f"{{{inner}}}")
        elif callable(field.default) or repr(field.default).startswith("<factory"):
            continue
        elif value != field.default:
            changed.append(f"{field.name}={value!r}")
    return f"{type(task).__name__}({', '.join(changed)})"


def main(names: list[str], networks: Path) -> None:
    """Write the pages, all of them by default."""
    torch.set_num_threads(1)
    for row in ROWS:
        if not names or row.name in names:
            make_page(row, networks, SHOWN.get(row.name, 1))
            print(f"wrote {row.name}.md")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="classes of tasks; all by default")
    parser.add_argument("--networks", type=Path, default=Path("out/learnability"))
    main(**vars(parser.parse_args()))
