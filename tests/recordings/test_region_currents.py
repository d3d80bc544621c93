from __future__ import annotations

import pytest
import torch

from pyrnn import RateRNN
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.recordings import region_currents


def test_currents_of_all_sources_sum_to_the_whole():
    brain = MultiRegion(Region("a", 5), Region("b", 4)).connect("a", "b").build(2, 1)
    rnn = RateRNN(2, 9, 1, tau=50.0, dt=10.0, connectivity=brain, seed=0)
    with torch.no_grad():
        rnn.w_rec.bias.normal_()
    inputs = torch.randn(3, 20, 2)
    rates = rnn.predict(inputs).states
    currents = region_currents(rnn, rates, inputs, brain)
    sums = [sum(currents[target, s] for s in ("a", "b", "input", "bias")) for target in ("a", "b")]
    after = 0.8 * rates[:, :-1] + 0.2 * torch.cat(sums, -1).tanh()
    torch.testing.assert_close(after, rates[:, 1:])
    assert not currents["a", "b"].any()
    with pytest.raises(ValueError, match="same steps"):
        region_currents(rnn, rates, inputs[:, 1:], brain)
