"""Proved lists of fixed points: known answers, refusals, and contractors that lose nothing."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from scipy.optimize import brentq
from torch import Tensor
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN
from pyrnn.dynamics import Proof, find_fixed_points, prove_complete
from pyrnn.dynamics.points._enclosures import CURVES
from pyrnn.dynamics.points._factors import factors, remainder_of
from pyrnn.dynamics.points._low_rank import LowRank
from pyrnn.dynamics.points._problem import Problem
from pyrnn.dynamics.points._prune import prune
from pyrnn.dynamics.points._reduced import Reduced, _bounds
from pyrnn.dynamics.points.proof import _equation_map

F64 = torch.float64
KINDS = [RNN, RateRNN, CTRNN]


def network(kind: type, weight: Tensor, bias: Tensor, activation: str = "tanh") -> RNN:
    """Return a network whose fixed points solve u = W f(u) + bias."""
    n = len(weight)
    rnn = kind(1, n, 1, activation=activation, seed=0).double()
    rnn.w_rec.weight.data.copy_(weight)
    rnn.w_rec.bias.data.copy_(bias)
    return rnn


def one_unit(w: float, b: float, activation: str = "tanh", kind: type = RNN) -> RNN:
    weight, bias = torch.full((1, 1), w, dtype=F64), torch.full((1,), b, dtype=F64)
    return network(kind, weight, bias, activation)


def low_rank(m: Tensor, n: Tensor) -> LowRankRNN:
    rnn = LowRankRNN(1, len(m), 1, rank=m.shape[1], seed=0).double()
    rnn.m.data, rnn.n.data = m, n
    return rnn


def ring(n: int) -> LowRankRNN:
    angle = 2 * math.pi * torch.arange(n, dtype=F64) / n
    m = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    return low_rank(m, 2 * m)


def distance(a: Tensor, b: Tensor) -> float:
    """Return how far the farthest state of one list is from the other list."""
    gaps = (a[:, None] - b).norm(dim=-1)
    return float(torch.maximum(gaps.amin(0).max(), gaps.amin(1).max()))


# ---------------------------------------------------------------------- known answers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("beta", "m"),
    [
        (1.5, 0.85855963664011036215),
        (2.0, 0.95750402407726874068),
        (3.0, 0.99490152845262893852),
    ],
)
def test_one_unit_has_the_three_points_of_the_mean_field(
    kind: type, beta: float, m: float
) -> None:
    proof = prove_complete(one_unit(beta, 0.0, kind=kind))
    scale = beta if kind is CTRNN else 1.0  # the state is the current there
    assert proof.is_complete
    assert proof.status == "proved complete"
    assert_close(proof.states[:, 0], scale * torch.tensor([-m, m, 0.0], dtype=F64))
    assert proof.points.n_unstable.tolist() == [0, 0, 1]
    assert (proof.radius < 1e-12).all()
    assert (proof.points.speeds < 1e-14).all()
    assert proof.points.index_sum == 1


SCALAR = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "relu": torch.relu,
    "retanh": lambda u: torch.tanh(u).relu(),
    "gelu": torch.nn.functional.gelu,
}


@pytest.mark.parametrize("activation", SCALAR)
@pytest.mark.parametrize("w", [-3.0, -0.5, 0.4, 0.9, 2.5, 9.0])
@pytest.mark.parametrize("b", [-2.13, -0.37, 0.41, 1.9])
def test_one_unit_of_any_activation_has_the_zeros_of_its_graph(
    activation: str, w: float, b: float
) -> None:
    def residual(u: float) -> float:
        return w * float(SCALAR[activation](torch.tensor(u, dtype=F64))) + b - u

    edges = np.concatenate([np.linspace(-80, 80, 40001) + 1e-5])
    signs = np.sign((w * SCALAR[activation](torch.tensor(edges)).numpy()) + b - edges)
    roots = [brentq(residual, edges[i], edges[i + 1]) for i in np.flatnonzero(np.diff(signs))]
    proof = prove_complete(one_unit(w, b, activation, CTRNN))
    assert proof.is_complete, proof.status
    assert_close(proof.states[:, 0].sort().values, torch.tensor(roots, dtype=F64))


@pytest.mark.parametrize("n", [3, 4, 5, 6, 8, 12, 16, 24])
def test_a_ring_of_n_units_has_4n_or_2n_points_and_the_origin(n: int) -> None:
    proof = prove_complete(ring(n))
    assert proof.is_complete
    assert len(proof) == (4 * n + 1 if n % 2 else 2 * n + 1)


def ring_amplitude(n: int, phase: mpf) -> float:
    """Solve a = 4/n sum cos(t - phase) tanh(2 a cos(t - phase)) with 30 digits."""
    with mp.workdps(30):
        cosines = [mp.cos(2 * mp.pi * i / n - phase) for i in range(n)]
        return float(
            mp.findroot(lambda a: 4 * sum(c * mp.tanh(2 * a * c) for c in cosines) / n - a, 2.5)
        )


@pytest.mark.parametrize("n", [5, 16])
def test_points_of_a_ring_have_the_known_amplitudes(n: int) -> None:
    rnn = ring(n)
    proof = prove_complete(rnn)
    found = (proof.states @ torch.linalg.pinv(rnn.m.detach()).mT).norm(dim=-1)
    found = found[found > 1e-6]
    between = mp.pi / (2 * n if n % 2 else n)  # of two lines of symmetry
    truth = torch.tensor([ring_amplitude(n, mpf(0)), ring_amplitude(n, between)], dtype=F64)
    assert float((found[:, None] - truth).abs().amin(-1).max()) < 1e-12
    assert float((found[:, None] - truth).abs().amin(0).max()) < 1e-12


def test_a_ring_of_64_units_is_left_as_a_band() -> None:
    """Its points differ in amplitude by 5e-9: within reach, it is a continuum."""
    rnn = ring(64)
    proof = prove_complete(rnn, min_width=1e-2)
    assert not proof.is_complete
    assert len(proof) == 1
    assert proof.undecided.n_clusters == 1
    assert proof.undecided_index == 0  # the origin has +1, as two modes grow there
    kappa = proof.undecided.centers @ torch.linalg.pinv(rnn.m.detach()).mT
    radius = kappa.norm(dim=-1)
    assert 2.45 < radius.min() < radius.max() < 2.55
    angle = torch.atan2(kappa[:, 1], kappa[:, 0]).sort().values
    assert angle.diff().max() < 0.1  # closed
    assert "1 cluster may hold" in proof.status


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
def test_separate_bistable_populations_have_3_to_the_rank_points(rank: int) -> None:
    size = 20
    m = torch.zeros(size * rank, rank, dtype=F64)
    rng = torch.Generator().manual_seed(0)
    for r in range(rank):
        m[r * size : (r + 1) * size, r] = torch.randn(size, generator=rng, dtype=F64)
    proof = prove_complete(low_rank(m, 3 * rank * m))
    assert proof.is_complete
    assert len(proof) == 3**rank
    assert proof.points.index_sum == 1


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_thousands_of_units_of_low_rank_are_proved(rank: int) -> None:
    rng = torch.Generator().manual_seed(0)
    m, other = torch.randn(2, 1000, rank, generator=rng, dtype=F64)
    rnn = low_rank(m, 1.5 * m * torch.linspace(1, 1.4, rank, dtype=F64) + other)
    began = time.process_time()
    proof = prove_complete(rnn)
    assert time.process_time() - began < 10  # about 0.4
    assert proof.is_complete
    assert len(proof) == 2 * rank + 1
    assert (proof.radius < 1e-9).all()


def flip_flop(kind: type, n: int, seed: int, gains: tuple[float, ...] = (1.5, 2.0, 3.0)) -> RNN:
    """Return a network of full rank with three bits and weak random weights beside them."""
    rng = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=F64))
    bits = torch.zeros(n, len(gains), dtype=F64)
    for i in range(n):
        bits[i, i % len(gains)] = 1.0
    bits /= bits.norm(dim=0)
    noise = 0.3 * torch.randn(n, n, generator=rng, dtype=F64) / n**0.5
    return network(
        kind, bits @ torch.diag(torch.tensor(gains).double()) @ bits.mT + noise, 0 * q[0]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [8, 16, 32])
def test_all_27_points_of_a_full_rank_flip_flop_are_proved(kind: type, n: int) -> None:
    rnn = flip_flop(kind, n, seed=1)
    proof = prove_complete(rnn)
    searched = find_fixed_points(rnn, torch.randn(200, n), progress=False)
    assert proof.is_complete
    assert len(proof) == len(searched) == 27
    assert distance(proof.states, searched.states) < 1e-10
    assert proof.contraction > 0


@pytest.mark.parametrize("seed", range(20))
def test_proof_and_search_agree_on_random_networks(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    n = 3 + seed % 6
    weight = (1.2 + seed % 3 / 2) * torch.randn(n, n, generator=rng, dtype=F64) / n**0.5
    bias = 0.2 * torch.randn(n, generator=rng, dtype=F64)
    activation = ["tanh", "sigmoid", "retanh"][seed % 3]
    gain = {"tanh": 1.0, "sigmoid": 4.0, "retanh": 1.0}[activation]
    rnn = network(KINDS[seed % 3], gain * weight, bias, activation)
    proof = prove_complete(rnn)
    searched = find_fixed_points(rnn, 3 * torch.randn(500, n), progress=False)
    assert proof.is_complete, proof.status
    assert len(proof) == len(searched)
    assert distance(proof.states, searched.states) < 1e-10


@pytest.mark.parametrize("seed", range(6))
def test_points_of_rectifying_networks_are_those_of_their_regions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 7
    weight, bias = rng.normal(size=(n, n)) * 1.2 / n**0.5, rng.normal(size=n)
    truth = []
    for mask in range(2**n):
        active = np.array([(mask >> i) & 1 for i in range(n)])
        u = np.linalg.solve(np.eye(n) - weight * active, bias)
        if ((u > 0) == active).all():
            truth.append(np.maximum(u, 0))
    proof = prove_complete(network(RNN, torch.tensor(weight), torch.tensor(bias), "relu"))
    assert proof.is_complete
    assert len(proof) == len(truth)
    assert proof.n_boxes == 2**n
    if truth:
        assert distance(proof.states, torch.tensor(np.array(truth))) < 1e-10


def test_a_rectifying_network_without_bias_rests_at_its_kink() -> None:
    proof = prove_complete(one_unit(0.5, 0.0, "relu"))
    assert proof.is_complete
    assert proof.states.tolist() == [[0.0]]
    assert proof.points.is_one_sided.tolist() == [True]


def test_a_sign_that_rounding_hides_is_not_decided() -> None:
    """The current of the second unit is 3 x 0.1 - 0.3, which is 2.8e-17 for these numbers."""
    weight, bias = torch.zeros(2, 2, dtype=F64), torch.tensor([0.1, -0.3], dtype=F64)
    weight[1, 0] = 3.0
    proof = prove_complete(network(RNN, weight, bias, "relu"))
    assert not proof.is_complete
    assert proof.undecided.n_clusters == 1
    assert float(proof.undecided.high.max()) < 0.11
    bias[1] = -0.3 + 1e-12
    assert prove_complete(network(RNN, weight, bias, "relu")).is_complete


def test_a_linear_network_has_one_point_and_an_integrator_is_undecided() -> None:
    weight = torch.tensor([[0.5, 0.2], [0.0, 0.5]], dtype=F64)
    bias = torch.tensor([1.0, 2.0], dtype=F64)
    proof = prove_complete(network(RNN, weight, bias, "identity"))
    assert_close(proof.states[0], torch.linalg.solve(torch.eye(2, dtype=F64) - weight, bias))
    assert proof.is_complete
    integrator = prove_complete(one_unit(1.0, 0.0, "identity"))
    assert not integrator.is_complete
    assert integrator.status == "undecided: fixed points may lie arbitrarily far out"


def test_unbounded_activations_of_low_rank_have_an_outer_bound() -> None:
    rng = torch.Generator().manual_seed(0)
    m = torch.randn(300, 1, generator=rng, dtype=F64)
    proof = prove_complete(network(CTRNN, -(m @ m.mT) / 300, 0 * m[:, 0] + 0.3, "softplus"))
    assert proof.is_complete
    assert len(proof) == 1
    assert proof.points.is_stable.all()


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("w", "b"), [(1.0, 0.0), (2.0, 0.53283997535355202357), (2.0, -0.53283997535355202357)]
)
def test_pitchfork_and_fold_are_undecided(w: float, b: float) -> None:
    proof = prove_complete(one_unit(w, b))
    assert not proof.is_complete
    assert proof.status.startswith("undecided")
    assert len(proof.undecided) > 0
    place = 0.0 if w == 1 else -math.copysign(0.70710678118654752440, b)
    assert ((proof.undecided.low <= place) & (proof.undecided.high >= place)).any()
    assert proof.undecided_index == (1 if w == 1 else 0)


@pytest.mark.parametrize(
    ("w", "b", "n"), [(1 + 1e-4, 0, 3), (1 - 1e-4, 0, 1), (2, 0.532839975, 3), (2, 0.5329, 1)]
)
def test_near_pitchfork_and_fold_the_points_are_proved(w: float, b: float, n: int) -> None:
    proof = prove_complete(one_unit(w, b))
    assert proof.is_complete
    assert len(proof) == n


def test_a_budget_ends_the_proof_and_tells_what_it_would_take() -> None:
    rnn = flip_flop(RNN, 24, seed=0)
    proof = prove_complete(rnn, max_boxes=1)
    u, s, vh = np.linalg.svd(rnn.w_rec.weight.detach().numpy())
    rest = (u[:, 3:] * s[3:]) @ vh[3:]
    assert proof.contraction == pytest.approx(np.abs(rest).sum(1).max())
    assert proof.was_stopped
    assert not proof.is_complete
    assert proof.status.startswith("stopped early")


def test_a_chaotic_network_is_not_called_complete() -> None:
    rnn = RNN(1, 64, 1, gain=3.0, seed=0)
    proof = prove_complete(rnn, max_boxes=50)
    assert not proof.is_complete
    assert proof.contraction > 10


def test_the_proof_can_be_stopped() -> None:
    step, curve = _equation_map(ring(5))
    pruned = prune(
        Problem(step, curve, torch.zeros(1, dtype=F64)).equation, 1e-5, 999, lambda: True
    )
    assert pruned.was_stopped
    assert len(pruned.low) == 1


def test_bad_arguments_are_refused() -> None:
    rnn = one_unit(2.0, 0.0)
    with pytest.raises(TypeError, match="built-in equations"):
        prove_complete(GRU(1, 4, 1))
    with pytest.raises(TypeError, match="built-in equations"):
        prove_complete(lambda h, x: torch.tanh(h))
    with pytest.raises(TypeError, match="from_torch copies"):
        prove_complete(torch.nn.RNN(1, 4))
    with pytest.raises(ValueError, match="one of the activations"):
        prove_complete(RNN(1, 4, 1, activation=torch.sin))
    with pytest.raises(ValueError, match="unbounded activation softplus"):
        prove_complete(RNN(1, 40, 1, activation="softplus", seed=0))
    with pytest.raises(ValueError, match="got"):
        prove_complete(rnn, torch.zeros(2))
    with pytest.raises(ValueError, match="one constant input"):
        prove_complete(rnn, torch.tensor([[0.0], [1.0]]))
    with pytest.raises(ValueError, match="max_boxes"):
        prove_complete(rnn, max_boxes=0)
    with pytest.raises(ValueError, match="min_width"):
        prove_complete(rnn, min_width=0.0)


# ---------------------------------------------------------------------- the result


def test_units_in_another_order_change_nothing() -> None:
    rnn = flip_flop(RNN, 12, seed=3)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    weight = rnn.w_rec.weight.detach()
    other = network(RNN, weight[order][:, order], rnn.w_rec.bias.detach()[order])
    a, b = prove_complete(rnn), prove_complete(other)
    assert len(a) == len(b) == 27
    assert distance(a.states[:, order], b.states) < 1e-12


def test_networks_with_constraints_and_copies_of_torch_are_proved() -> None:
    dale = CTRNN(1, 12, 1, dale_ratio=0.75, autapses=False, gain=1.5, seed=1)
    copied = RNN.from_torch(torch.nn.RNN(1, 6))
    mixed = LowRankRNN(1, 12, 1, rank=1, random_gain=0.5, seed=0)
    for rnn in (dale, copied, mixed):
        proof = prove_complete(rnn)
        starts = 3 * torch.randn(200, rnn.hidden_size)
        searched = find_fixed_points(rnn, starts, progress=False)
        assert proof.is_complete
        assert len(proof) == len(searched)
        assert distance(proof.states, searched.states) < 1e-9


def test_a_proof_holds_the_input_it_is_for() -> None:
    rnn = one_unit(2.0, 0.0)
    rnn.w_in.weight.data.fill_(1.0)
    assert len(prove_complete(rnn, [0.5])) == 3
    proof = prove_complete(rnn, [0.6])
    assert len(proof) == 1
    assert proof.inputs.tolist() == [[0.6]]


def test_points_of_many_units_have_the_eigenvalues_of_their_jacobians() -> None:
    rng = torch.Generator().manual_seed(0)
    m, other = torch.randn(2, 300, 2, generator=rng, dtype=F64)
    points = prove_complete(low_rank(m, 2 * m + other)).points
    truth = torch.linalg.eigvals(points.jacobians)
    truth = truth.gather(-1, truth.abs().argsort(dim=-1, descending=True))
    assert_close(points.eigenvalues[:, :2].abs(), truth[:, :2].abs(), atol=1e-9, rtol=0)
    assert points.n_unstable.tolist() == (truth.abs() > 1).sum(-1).tolist()


def test_a_proof_is_saved_with_its_points(tmp_path) -> None:
    proof = prove_complete(one_unit(2.0, 0.0))
    again = Proof.load(proof.save(tmp_path / "proof.npz"))
    assert again.is_complete
    assert torch.equal(again.points.jacobians, proof.points.jacobians)
    assert "3 fixed points" in again.summary()
    assert again.summary().endswith("status: proved complete")


def test_a_search_with_proof_says_so_and_needs_no_starts_near_the_points() -> None:
    rnn = one_unit(2.0, 0.0)
    points = find_fixed_points(rnn, torch.zeros(1, 1), prove=True, progress=False)
    assert len(points) == 3
    assert points.status == "proved complete"
    assert "status: proved complete" in points.summary()
    assert points.distances.tolist() == pytest.approx([0.957504024, 0.957504024, 0.0])
    assert len(points[:2]) == 2


def test_a_search_with_proof_treats_each_input() -> None:
    rnn = one_unit(2.0, 0.0)
    rnn.w_in.weight.data.fill_(1.0)
    points = find_fixed_points(rnn, torch.zeros(1, 1), [[0.5], [0.6]], prove=True)
    assert points.inputs[:, 0].tolist().count(0.5) == 3
    assert len(points) == 4


def test_a_search_with_an_undecided_proof_has_both_verdicts() -> None:
    """At the fold one point is proved; the degenerate one is found by the search alone."""
    rnn = one_unit(2.0, 0.53283997535355202357)
    points = find_fixed_points(rnn, torch.linspace(-1, 1, 9)[:, None], prove=True, progress=False)
    assert len(points) == 2
    assert "the proof is undecided" in points.status
    assert points.is_degenerate.tolist().count(True) == 1


def test_a_search_with_proof_refuses_what_has_none() -> None:
    with pytest.raises(TypeError, match="built-in equations"):
        find_fixed_points(lambda h, x: torch.tanh(h), torch.zeros(1, 1), prove=True)


# ---------------------------------------------------------------------- no zero is ever lost


def exact_zero(weight: Tensor, drive: Tensor, guess: Tensor) -> list[mpf]:
    """Solve u = W tanh(u) + d by Newton's method with 40 digits."""
    n = len(weight)
    w = mp.matrix(weight.tolist())
    d, u = mp.matrix(drive.tolist()), mp.matrix(guess.tolist())
    for _ in range(8):
        f = mp.matrix([mp.tanh(v) for v in u])
        slope = mp.diag([1 - v * v for v in f])
        u = u + mp.lu_solve(mp.eye(n) - w * slope, w * f + d - u)
    return list(u)


def holds(low: Tensor, high: Tensor, zero: list[mpf]) -> bool:
    ends = zip(low.tolist(), zero, high.tolist(), strict=True)
    return all(mpf(a) <= z <= mpf(b) for a, z, b in ends)


def problem(form: str, rng: torch.Generator) -> tuple[Tensor, Tensor, LowRank | Reduced]:
    """Return weights, drive and an equation that holds their solutions in some form."""
    n, curve = 6, CURVES["tanh"]
    m = torch.randn(n, 2, generator=rng, dtype=F64)
    drive, noise = (torch.randn(n, generator=rng, dtype=F64) for _ in range(2))
    other = torch.randn(n, n, generator=rng, dtype=F64)
    weight, nothing = m @ m.mT / 2, torch.zeros(n, dtype=F64)
    left, right = factors(weight, 2)
    if form == "reduced":
        weight = weight + 0.3 * other
        return weight, drive, Reduced(weight, drive, nothing, curve, 2, None)
    if form == "skewed":  # axes that are nearly parallel: terms cancel
        turn = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 1e-7]], dtype=F64)
        left, right = left @ turn, torch.linalg.solve(turn, right)
    error = nothing
    if form == "rough":  # weights and drive that the equation knows up to an error
        weight, error = weight + 1e-3 * other, 1e-3 * noise.abs()
    remainder = remainder_of(weight, (left, right))
    given = drive + (1e-3 * noise if form == "rough" else 0)
    return weight, drive, LowRank(given, error, curve, (left, right), remainder)


def spoil(monkeypatch: pytest.MonkeyPatch, share: float = 1.0) -> None:
    """Let all inverses be wrong by a tenth, or be a share of the right one: any one must do."""
    exact = torch.linalg.inv_ex

    def wrong(matrices: Tensor) -> tuple[Tensor, Tensor]:
        inverse, info = exact(matrices)
        rng = torch.Generator().manual_seed(0)
        return share * inverse * (
            1 + 0.1 * torch.randn(inverse.shape, generator=rng, dtype=F64)
        ), info

    monkeypatch.setattr(torch.linalg, "inv_ex", wrong)


@pytest.mark.parametrize("width", [3e-16, 1e-13, 1e-9, 1e-4, 0.1, 1.0])
@pytest.mark.parametrize("form", ["low rank", "skewed", "rough", "reduced"])
@pytest.mark.parametrize("is_spoiled", [False, True])
def test_contraction_keeps_every_zero(
    form: str, width: float, is_spoiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes as narrow as rounding, too: a bound on rounding that is dropped loses the zero."""
    rng, n_kept = torch.Generator().manual_seed(0), 0
    with mp.workdps(40):
        for _ in range(12):
            weight, drive, equation = problem(form, rng)
            u = torch.randn(len(drive), generator=rng, dtype=F64)
            for _ in range(200):
                u = 0.5 * u + 0.5 * (weight @ torch.tanh(u) + drive)
            zero = exact_zero(weight, drive, u)
            right = mp.matrix(equation.right.tolist())
            kappa = list(right * mp.matrix([mp.tanh(v) for v in zero]))
            truth = kappa + zero if form == "reduced" else kappa
            center = torch.tensor([float(z) for z in truth], dtype=F64)
            offset = width * torch.rand(2, len(center), generator=rng, dtype=F64)
            least = 1e-15 + 4e-16 * center.abs()
            low, high = center - offset[0] - least, center + offset[1] + least
            if not holds(low, high, truth):
                continue  # Newton's method of the preparation went elsewhere
            with monkeypatch.context() as patch:
                if is_spoiled:
                    spoil(patch)
                for _ in range(4):
                    (low,), (high,) = equation.contract(low[None], high[None])
                    assert holds(low, high, truth)
            n_kept += 1
    assert n_kept > 0


@pytest.mark.parametrize("form", ["low rank", "rough"])
def test_roots_are_as_near_as_their_radius_says_and_inside_of_their_box(form: str) -> None:
    rng, n_proved = torch.Generator().manual_seed(0), 0
    with mp.workdps(40):
        for _ in range(12):
            weight, drive, equation = problem(form, rng)
            u = torch.randn(len(drive), generator=rng, dtype=F64)
            for _ in range(200):
                u = 0.5 * u + 0.5 * (weight @ torch.tanh(u) + drive)
            zero = exact_zero(weight, drive, u)
            kappa = equation.right @ torch.tanh(torch.tensor([float(z) for z in zero]).double())
            roots = equation.roots(kappa[None] - 0.1, kappa[None] + 0.1)
            if not roots.is_proved.all():
                continue
            gap = max(abs(mpf(a) - z) for a, z in zip(roots.u[0].tolist(), zero, strict=True))
            assert gap <= mpf(float(roots.radius))
            beside = equation.roots(kappa[None] + 1e-12, kappa[None] + 0.1)
            assert not beside.is_proved.any()
            n_proved += 1
    assert n_proved > 6


def test_a_matrix_without_an_inverse_leaves_no_bound() -> None:
    nan, inf = math.nan, math.inf
    center = torch.tensor([1.0, nan, 1.0, inf], dtype=F64)
    radius = torch.tensor([0.5, 0.5, inf, 0.5], dtype=F64)
    low, high = _bounds(center, radius)
    assert (low[0], high[0]) == pytest.approx((0.5, 1.5))
    assert (low[1:] < -1e299).all()
    assert (high[1:] > 1e299).all()


def test_a_root_that_exists_beside_a_box_is_not_in_it() -> None:
    """Of full rank, where boxes have the coordinates of both the directions and the units."""
    rnn = flip_flop(RNN, 8, seed=1)
    x = torch.zeros(rnn.input_size, dtype=F64)
    equation = Problem(*_equation_map(rnn), x).equation
    found = prove_complete(rnn, x).states.atanh()  # the currents
    place = torch.cat([found.tanh() @ equation.right.mT, found], dim=-1)
    assert equation.roots(place - 0.01, place + 0.01).is_proved.all()
    for axis in (0, equation.rank - 1, equation.rank, place.shape[1] - 1):
        low = place - 0.01
        low[:, axis] = place[:, axis] + 1e-6
        assert not equation.roots(low, place + 0.01).is_proved.any()


@pytest.mark.parametrize("form", ["low rank", "reduced"])
@pytest.mark.parametrize("is_spoiled", [False, True])
def test_a_box_with_three_zeros_is_never_said_to_hold_one(
    form: str, is_spoiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_spoiled:
        spoil(monkeypatch, 0.3)
    for w in (1.0001, 1.01, 1.3):
        weight, nothing = torch.full((1, 1), w, dtype=F64), torch.zeros(1, dtype=F64)
        edge = brentq(lambda u, w=w: w * math.tanh(u) - u, 1e-3, 9)
        if form == "reduced":
            pair = torch.eye(2, dtype=F64) * torch.tensor([w, 0.1], dtype=F64)
            equation = Reduced(pair, 0 * pair[0], 0 * pair[0], CURVES["tanh"], 1, None)
            size = torch.tensor([[1.01 * math.tanh(edge), 1.01 * edge, 0.1]], dtype=F64)
        else:
            factor = factors(weight, 1)
            remainder = remainder_of(weight, factor)
            equation = LowRank(nothing, nothing, CURVES["tanh"], factor, remainder)
            size = torch.full((1, 1), 1.01 * edge, dtype=F64)
        assert not equation.has_at_most_one(-size, size).any()
        if not is_spoiled:
            assert equation.has_at_most_one(0.95 * size, 1.05 * size).all()


def test_slopes_that_rule_out_two_zeros_only_just_are_told_from_those_that_do_not() -> None:
    """Of w tanh(u) = u two differ by a slope of w at most: 0.99 is right, 1.01 is not."""
    nothing, size = torch.zeros(1, dtype=F64), torch.full((1, 1), 0.05, dtype=F64)
    for w, is_single in ((0.999, True), (1.001, False)):
        weight = torch.full((1, 1), w, dtype=F64)
        pair = factors(weight, 1)
        equation = LowRank(nothing, nothing, CURVES["tanh"], pair, remainder_of(weight, pair))
        assert equation.has_at_most_one(-size, size).tolist() == [is_single]
