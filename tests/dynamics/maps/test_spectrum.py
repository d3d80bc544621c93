"""One tolerance: what a spectrum says of a point never contradicts itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from pyrnn.dynamics import Spectrum

NEAR_ONE = [0.0, 1e-16, 1e-12, 4e-10, 6e-10, 3e-9, 1e-7, 1e-4, 0.01, 0.5]


def rotated(eigenvalues: list[float], seed: int = 0) -> torch.Tensor:
    """Return a symmetric matrix with known eigenvalues."""
    n = len(eigenvalues)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return torch.tensor(q @ np.diag(eigenvalues) @ q.T)


@pytest.mark.parametrize("excess", [sign * size for size in NEAR_ONE for sign in (-1, 1)])
@pytest.mark.parametrize("others", [[0.5], [0.5, 1.5], [-0.2, 0.9, 0.1]])
@pytest.mark.parametrize("is_flow", [False, True])
def test_properties_agree(excess: float, others: list[float], is_flow: bool) -> None:
    spectrum = Spectrum(rotated([1 + excess, *others]), is_flow)
    n_unstable, n_marginal = int(spectrum.n_unstable), int(spectrum.n_marginal)
    assert bool(spectrum.is_stable) == (n_unstable == 0 and n_marginal == 0)
    assert ("marginal" in spectrum.stability) == (n_marginal > 0)
    assert ("unstable" in spectrum.stability) == (n_unstable > 0)
    assert not (spectrum.grows & spectrum.is_marginal).any()
    reach = 1e-9 * min(1, max(abs(value - 1) for value in others))
    assert n_unstable == sum(value > 1 for value in others) + (excess > reach)
    assert n_marginal == (abs(excess) < reach)


@pytest.mark.parametrize("seed", range(20))
def test_a_marginal_mode_is_one_whatever_the_last_digit(seed: int) -> None:
    spectrum = Spectrum(rotated([1.0, 0.9, 0.5, 0.3, 0.2, 0.1], seed))
    assert spectrum.stability == "marginal"
    assert not spectrum.is_stable
    assert spectrum.n_unstable == 0


@pytest.mark.parametrize("dt", [1e-6, 1e-3, 1.0])
def test_kinds_do_not_depend_on_the_unit_of_time(dt: float) -> None:
    """A shorter Euler step of dh/dt = A h has modes nearer to 1, of the same kinds."""
    for rates in ([-1.0, -0.3], [-1.0, 0.2], [-1.0, 0.0], [-1.0, -1e-5], [-0.5, 1e-5]):
        here = Spectrum(torch.eye(2) + dt * rotated(rates))
        assert here.stability == Spectrum(torch.eye(2) + 0.1 * rotated(rates)).stability


def test_vectors_belong_to_their_eigenvalues() -> None:
    rng = np.random.default_rng(1)
    spectrum = Spectrum(torch.tensor(rng.normal(size=(40, 7, 7))))
    jacobians = spectrum.jacobians.to(torch.complex128)
    assert_close(jacobians @ spectrum.right, spectrum.right * spectrum.eigenvalues[:, None])
    assert_close(spectrum.left @ jacobians, spectrum.eigenvalues[..., None] * spectrum.left)
    expected = np.linalg.eigvals(spectrum.jacobians.numpy())
    assert_close(
        spectrum.eigenvalues.abs(),
        torch.tensor(np.sort(np.abs(expected), axis=-1)[:, ::-1].copy()),
    )


def test_pairs_stay_together_in_the_same_order() -> None:
    values = torch.tensor([0.5 - 0.5j, 0.5 + 0.5j, -(0.5**0.5), 0.1])
    ordered = Spectrum.from_eigenvalues(values).eigenvalues
    assert_close(ordered, torch.tensor([0.5 + 0.5j, 0.5 - 0.5j, -(0.5**0.5), 0.1 + 0j]))


def test_a_flow_is_judged_by_its_real_parts() -> None:
    """An Euler step of a stable turn can lie outside of the unit circle."""
    turn = torch.tensor([[0.999, -0.5], [0.5, 0.999]])
    assert Spectrum(turn).stability == "unstable focus"
    flow = Spectrum(turn, is_flow=True)
    assert flow.stability == "stable focus"
    assert_close(flow.timescales(dt=2.0), torch.full((2,), 2000.0))
    assert_close(flow.frequencies(dt=2.0), torch.full((2,), 0.5 / (2 * torch.pi * 0.002)))


def test_a_part_keeps_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = Spectrum(torch.randn(5, 3, 3))
    expected = spectrum.eigenvalues[[1, 3]]
    monkeypatch.delattr(torch.linalg, "eigvals")
    assert torch.equal(spectrum[torch.tensor([1, 3])].eigenvalues, expected)


def test_eigenvalues_alone_have_no_vectors() -> None:
    with pytest.raises(ValueError, match="eigenvalues alone; linearize the network"):
        _ = Spectrum.from_eigenvalues(torch.tensor([0.5])).right


def test_no_modes_at_all() -> None:
    empty = Spectrum.from_eigenvalues(torch.zeros(3, 0))
    assert empty.is_stable.tolist() == [True] * 3
    assert empty.n_unstable.tolist() == [0] * 3


def test_spectra_without_modes_keep_their_axes() -> None:
    nothing = Spectrum.from_eigenvalues(torch.zeros(4, 5, 0, dtype=torch.complex128))
    assert nothing.tolerance.shape == nothing.n_unstable.shape == (4, 5)
