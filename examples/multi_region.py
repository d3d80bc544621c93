"""Three brain regions that hold three bits together.

A thalamus of excitatory units receives the input. A cortex with 80 % excitatory and 20 %
inhibitory units gives the output. Basal ganglia of inhibitory units close the loop back to the
thalamus. A few lines define which regions are connected, how densely and with which sign; the
connections obey this during all of the training.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import CTRNN
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_trial, plot_weights
from pyrnn.tasks import FlipFlop

OUT = Path("out/multi_region")


def main(epochs=50, n_units=100, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The plan of the regions becomes a mask with signs, which the weights obey from now on.
    brain = three_regions(n_units)
    connectivity = brain.build(input_size=3, output_size=3)
    task = FlipFlop(n_bits=3, seed=0)
    rnn = CTRNN(3, n_units, 3, connectivity=connectivity, seed=0)
    history = rnn.fit(task, epochs=epochs, seed=0, progress=show)

    # %%
    # On new trials, each region is read by its name.
    trials = task.batch(256, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    print(f"{accuracy:.1%} of bits right after {history.n_steps} steps")

    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        draw(rnn, history, trials, outputs, states).savefig(OUT / "multi_region.png")

    check(rnn)
    if history.n_steps >= 800:
        assert accuracy > 0.98
    return rnn


def three_regions(n_units):
    """Return thalamus, cortex and basal ganglia, and the loop between them."""
    fifth = n_units // 5
    return (
        MultiRegion(
            Region("thalamus", fifth, dale_ratio=1.0, density=0.2),
            Region("cortex", n_units - 2 * fifth, dale_ratio=0.8, autapses=False),
            Region("basal ganglia", fifth, dale_ratio=0.0, density=0.5),
        )
        .connect("thalamus", "cortex", 0.5)
        .connect("cortex", "thalamus", 0.3, source_cells="excitatory")
        .connect("cortex", "basal ganglia", 0.5, source_cells="excitatory")
        .connect("basal ganglia", "thalamus", 0.5)
        .input("thalamus")
        .output("cortex", cells="excitatory")
    )


def check(rnn):
    """Check that every connection is where and what it was meant to be, exactly."""
    weight, plan = rnn.w_rec.weight.detach(), rnn.connectivity
    assert (weight[~plan["w_rec"]] == 0).all()
    assert (weight * plan.signs >= 0).all()
    assert (plan.block(weight, "cortex", "cortex").diagonal() == 0).all()
    assert not plan.block(weight, "basal ganglia", "thalamus").any()
    assert not plan.regions["cortex"].of(rnn.w_in.weight.detach().T).any()


def draw(rnn, history, trials, outputs, states):
    """Draw the matrix, the loss, a trial, and what each region did in it."""
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.6), width_ratios=[1.2, 1, 1.3, 1.3])
    plot_weights(rnn.w_rec, regions=rnn.connectivity, ax=axes[0])
    plot_loss(history, ax=axes[1])
    plot_trial(trials, outputs, dt=rnn.dt, ax=axes[2])
    time = torch.arange(states.shape[1]) * rnn.dt
    for k, (name, region) in enumerate(rnn.connectivity.regions.items()):
        rates = torch.tanh(region.of(states)[0, :, ::4])
        axes[3].plot(time, rates / 2 - 1.2 * k, color=f"C{k}", linewidth=0.7)
        axes[3].text(time[-1], -1.2 * k, f" {name}", color=f"C{k}", va="center")
    axes[3].set(title="rates", xlabel="time (ms)", yticks=[])
    return figure


if __name__ == "__main__":
    main()
