"""Where modes share a direction there is no full set of them, and the analysis says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn.dynamics import linearize, pseudospectral_radius, schur_form
from pyrnn.dynamics.maps import Spectrum


def chain(n: int, decay: float = 0.9, link: float = 0.5) -> torch.Tensor:
    return decay * torch.eye(n).double() + link * torch.diag(torch.ones(n - 1), 1).double()


@pytest.mark.parametrize("n", [2, 5, 20])
def test_a_feedforward_chain_is_defective(n: int) -> None:
    at = linearize(lambda h, x: h @ chain(n).to(h).T, torch.zeros(n))
    assert at.is_defective
    assert "no full set of modes" in at.status
    assert at.status in str(at.summary())
    assert at.selection_vector().isnan().all()


@pytest.mark.parametrize("seed", range(5))
def test_a_rotated_jordan_block_beside_other_modes(seed: int) -> None:
    """Only the modes of the block have no left vectors; those of the others are exact."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    block = np.diag([0.9, 0.9, 0.5, 0.3, -0.2])
    block[0, 1] = 1
    spectrum = Spectrum(torch.tensor(q @ block @ q.T))
    assert spectrum.is_defective
    known = ~spectrum.left.isnan().any(-1)
    assert known.sum() == 3
    left = spectrum.left[known]
    assert torch.allclose(left @ spectrum.right[:, known], torch.eye(3).to(left), atol=1e-7)
    assert torch.allclose(
        (left @ spectrum.right)[:, ~known].abs(), torch.zeros(3, 2).double(), atol=1e-6
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_generic_matrix_has_all_its_modes(seed: int) -> None:
    matrix = torch.randn(30, 30, generator=torch.Generator().manual_seed(seed)).double()
    spectrum = Spectrum(matrix)
    assert not spectrum.is_defective
    assert torch.allclose(
        spectrum.left @ spectrum.right, torch.eye(30).to(spectrum.left), atol=1e-9
    )


def test_the_schur_form_shows_the_chain() -> None:
    q = torch.linalg.qr(torch.randn(5, 5).double())[0]
    matrix = q @ chain(5) @ q.T
    basis, triangle = schur_form(matrix)
    assert torch.allclose(basis @ triangle @ basis.T, matrix)
    assert torch.allclose(basis.T @ basis, torch.eye(5).double())
    assert torch.allclose(triangle.tril(-2), torch.zeros(5, 5).double(), atol=1e-9)
    with pytest.raises(ValueError, match="square matri"):
        schur_form(torch.zeros(2, 3))


def test_the_pseudospectral_radius() -> None:
    """Of a normal matrix it is the spectral radius plus epsilon; of J^2 = 0 about sqrt(eps)."""
    normal = torch.diag(torch.tensor([0.5, -0.8]))
    assert float(pseudospectral_radius(normal, 0.1)) == pytest.approx(0.9, abs=1e-3)
    nilpotent = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    for epsilon in (1e-4, 1e-2):
        expected = np.sqrt(epsilon * (1 + epsilon))  # by the singular values of [[z, -1], [0, z]]
        assert float(pseudospectral_radius(nilpotent, epsilon)) == pytest.approx(
            expected, rel=1e-3
        )
