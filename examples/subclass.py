"""Your own equation in one method.

Yang & Wang (2020) train networks whose rates cannot be negative. Only ``step`` and ``readout``
are written here; ``fit``, ``save``, ``load``, fixed points and the contract check are inherited.
"""

import tempfile
from pathlib import Path

import torch

import pyrnn
from pyrnn import CTRNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.plot import plot_loss
from pyrnn.tasks import FlipFlop
from pyrnn.testing import check_rnn
from pyrnn.training import early_stopping


class RectifiedLeaky(CTRNN):
    def step(self, h, x):
        return torch.relu((1 - self.alpha) * h + self.alpha * (self.w_rec(h) + self.w_in(x)))

    def readout(self, states):
        return self.w_out(states)  # the state is a rate already


def main(epochs=20, n_units=64, show=True):
    # %%
    # ``check_rnn`` tests whether the network keeps the promises of its base class: batches,
    # shapes, gradients, files.
    task = FlipFlop(n_bits=2, seed=0)
    rnn = RectifiedLeaky(2, n_units, 2, tau=100.0, dt=10.0, seed=0)
    check_rnn(rnn)
    history = rnn.fit(task, epochs=epochs, seed=0, callbacks=[early_stopping(below=0.005)])

    # %%
    # The file has the options of the network and its weights. Everything below uses what was
    # loaded.
    path = rnn.save(Path(tempfile.mkdtemp()) / "rectified.pt")
    again = pyrnn.load(path)
    trials = task.batch(64)
    outputs, states = again.predict(trials.inputs)
    points = find_fixed_points(again, states, x=torch.zeros(2))
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    print(points.summary())
    print(f"{100 * accuracy:.2f} % of the bits are right after {history.n_steps} steps")
    if show:
        out = Path("out/subclass")
        out.mkdir(parents=True, exist_ok=True)
        plot_loss(history).figure.savefig(out / "subclass.png")

    assert type(again) is RectifiedLeaky
    assert torch.equal(outputs, rnn.predict(trials.inputs).outputs)
    if history.n_steps >= 200:
        assert accuracy > 0.99
        assert (points.n_unstable == 0).sum() == 4  # one memory for each pair of bits
    return points


if __name__ == "__main__":
    main()
