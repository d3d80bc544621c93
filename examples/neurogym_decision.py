"""An environment of NeuroGym.

NeuroGym (Molano-Mazón et al. 2022) has dozens of tasks from the literature. Every environment
with a ground truth becomes a task of pyrnn: whole trials with seeds, masks and the information
that the environment gives about them. NeuroGym pins old versions of other packages; install it
and pyrnn in an environment of their own. Making its trials is slow, so the example makes them
once.

.. image:: /images/neurogym_decision.png
   :alt: Loss; a trial with the network's outputs; the psychometric curve
"""

# sphinx_gallery_thumbnail_path = 'images/neurogym_decision.png'

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.utils.data import TensorDataset

from pyrnn import RateRNN
from pyrnn.behavior import PsychometricCurve
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_psychometric, plot_trial
from pyrnn.tasks import NeurogymTask

NEEDS = "neurogym"
OUT = Path("out/neurogym_decision")


def main(epochs=10, n_units=64, n_trials=2048, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The environment becomes a task.
    task = NeurogymTask("PerceptualDecisionMaking-v0", dt=100, decision_weight=5.0)
    rnn = RateRNN(task.input_size, n_units, task.output_size, tau=100.0, dt=100.0, seed=0)
    history = rnn.fit(
        TensorDataset(*task.batch(n_trials)),
        loss=task.loss,
        epochs=epochs,
        batch_size=32,
        scheduler="cosine",
        seed=0,
        progress=show,
    )

    # %%
    # What the environment knows about a trial is in ``info``; here its coherence, for the
    # psychometric curve.
    trials = task.batch(512, start=10**6)  # never seen in training
    outputs, _ = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    print(f"{100 * accuracy:.1f} % right after {history.n_steps} steps")
    truth, coherence = trials.info["ground_truth"], trials.info["coh"]
    signed = torch.where(truth > 0, coherence, -coherence)
    curve = PsychometricCurve.fit(signed, outputs[:, -1].argmax(-1) == 2)

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4))
    plot_loss(history, ax=axes[0])
    plot_trial(trials.unbind()[0], outputs[0], dt=task.dt, ax=axes[1])
    plot_psychometric(curve, label="coherence (%)", ax=axes[2])
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "neurogym_decision.png")
    assert 0 <= accuracy <= 1
    if history.n_steps >= 640:
        assert accuracy > 0.85  # 0.9 at best: a fifth of the trials have no coherence
    return accuracy


if __name__ == "__main__":
    main()
