"""What the compiled kernel promises beyond the right numbers."""

import copy
import multiprocessing
import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN
from pyrnn.activations import ACTIVATIONS
from pyrnn.unroll import bptt, fused
from pyrnn.unroll._arguments import Member, Problem, Starts
from pyrnn.unroll._autograd import Tensors, solve
from tests.unroll.cases import FORMS, equation, gradients, guarded, tensors

pytestmark = pytest.mark.skipif(not fused.is_available(), reason="the kernel is not compiled")


@pytest.fixture
def n_threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trials", [1, 2, 15, 33, 200])
def test_results_do_not_depend_on_the_number_of_threads(form, trials, n_threads, monkeypatch):
    monkeypatch.setattr(fused, "_WORTH_A_THREAD", 1)
    net = tensors(trials, 10, 3, 20, 2)
    results = []
    for n in (1, 2, 7):
        n_threads(n)
        solution = solve(fused, equation(form), net)
        results.append([*solution, *gradients(solution, net)])
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def states_of(net):
    return solve(fused, equation("rate"), net)[0].tolist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(n_threads, monkeypatch):
    """As in a data loader's workers: they have none of their parent's threads."""
    monkeypatch.setattr(fused, "_WORTH_A_THREAD", 1)
    net = tensors(64, 10, 3, 20, 2, requires_grad=False)
    n_threads(4)
    expected = states_of(net)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        runs = [pool.submit(states_of, net) for _ in range(8)]
        assert all(run.result(timeout=60) == expected for run in runs)
    assert states_of(net) == expected


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_call_starts_the_threads_that_it_is_worth(n_threads, monkeypatch):
    monkeypatch.setattr(fused, "_WORTH_A_THREAD", 1)
    net = tensors(64, 10, 3, 20, 2, requires_grad=False)
    n_threads(4)
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(threads_started, net).result(timeout=60) == 3


def threads_started(net):
    before = len(os.listdir("/proc/self/task"))
    states_of(net)
    return len(os.listdir("/proc/self/task")) - before


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_read_beyond_the_arrays(form):
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        assert pool.submit(reads_inside, form).result(timeout=60)


def reads_inside(form):
    for dtype in (torch.float32, torch.float64):
        for n in (1, 7, 17):
            given = tensors(3, 4, 2, n, 3)
            given = Tensors(*(guarded(each.detach().to(dtype)).requires_grad_() for each in given))
            gradients(solve(fused, equation(form), given), given)
    return True


def test_callers_may_share_the_threads(n_threads, monkeypatch):
    monkeypatch.setattr(fused, "_WORTH_A_THREAD", 1)
    nets = [tensors(64, 20, 3, 20, 2, requires_grad=False) for _ in range(4)]
    n_threads(1)
    expected = [solve(fused, equation("current"), net) for net in nets]
    n_threads(4)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            found = pool.map(lambda net: solve(fused, equation("current"), net), nets)
            assert all(all(map(torch.equal, *pair)) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_a_trial_does_not_depend_on_the_others(form):
    net = tensors(40, 10, 3, 20, 2, requires_grad=False)
    alone = net._replace(inputs=net.inputs[7:8], h0=net.h0[7:8], noise=net.noise[7:8])
    together = solve(fused, equation(form), net)
    assert_close([y[7:8] for y in together], list(solve(fused, equation(form), alone)))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_activations_are_accurate_to_two_units_in_the_last_place(activation, dtype):
    x = torch.cat([torch.linspace(-19, 30, 4001), torch.logspace(-9, 0, 999)]).to(dtype)
    n = 50
    net = tensors(100, 1, 0, n, 0, requires_grad=False)
    net = Tensors(*(torch.zeros_like(t, dtype=dtype) for t in net))
    net = net._replace(noise=x.view(100, 1, n), alpha=torch.ones(n, dtype=dtype))
    found = solve(fused, equation("rate", activation), net)[0].flatten()
    exact = ACTIVATIONS[activation](x.double())
    unit = torch.finfo(dtype).eps * (x.abs() if activation == "gelu" else exact.abs())
    assert ((found - exact).abs() <= 3 * unit).all()  # one of them torch's own


def test_every_build_gives_the_same_numbers():
    net = tensors(6, 10, 3, 20, 2, requires_grad=False)
    best = solve(fused, equation("current"), net)
    for name in ("_kernel", "_kernel_v3", "_kernel_v4")[: fused.library().instruction_sets() + 1]:
        results = [torch.empty_like(y) for y in best]
        with pytest.MonkeyPatch.context() as patch:
            build = fused._open(name)
            patch.setattr(fused, "library", lambda build=build: build)
            results = solve(fused, equation("current"), net)
        assert_close(results, best, rtol=1e-12, atol=1e-12)


def test_a_wrong_shape_or_dtype_is_refused():
    net = tensors()
    with pytest.raises(ValueError, match=r"expected w_rec of shape \(6, 6\), got \(6, 5\)"):
        solve(fused, equation("rate"), net._replace(w_rec=net.w_rec[:, :5]))
    with pytest.raises(TypeError, match=r"expected h0 as torch\.float64 on the CPU"):
        solve(fused, equation("rate"), net._replace(h0=net.h0.float()))


def test_loading_leaves_the_floating_point_mode_alone():
    """Linked with -ffast-math, a library makes the process flush subnormal numbers to zero."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); sys.exit(sys.float_info.min / 2 == 0)"
    assert subprocess.run([sys.executable, "-c", code, fused.library()._name]).returncode == 0


def test_without_the_kernel_the_package_says_so_once(monkeypatch, caplog):
    fused.library.cache_clear()
    monkeypatch.setattr(fused, "EXTENSION_SUFFIXES", [])
    with caplog.at_level("INFO"):
        assert not fused.is_available()
        assert not fused.is_available()
    assert len(caplog.records) == 1
    fused.library.cache_clear()


def test_a_build_of_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(fused.ctypes, "sizeof", lambda problem: 8)
    with pytest.raises(OSError, match="built from other sources; install pyrnn again"):
        fused._open("_kernel")


@pytest.mark.parametrize(
    ("structure", "header"),
    [(Problem, "network.h"), (Member, "train.h"), (Starts, "newton.h")],
)
def test_arguments_mirror_the_kernel(structure, header):
    source = (fused.Path(fused.__file__).parent / header).read_text()
    body = source.split(f"struct {structure.__name__} {{")[1].split("};")[0]
    lines = " ".join(line.split("//")[0] for line in body.splitlines())
    names = re.sub(r"\[.*?\]|\b(const|void|float|double|Index|Parameter)\b|\*", "", lines)
    fields = [name.strip() for name in names.replace(";", ",").split(",") if name.strip()]
    assert fields == [name for name, *_ in structure._fields_]


def test_torch_leaves_the_cores_to_the_kernel_in_a_training_loop(n_threads, monkeypatch):
    given, library = [], fused.library()

    class Spy:
        def forward_float64(self, problem):
            given.append(problem._obj.threads)
            library.forward_float64(problem)

    monkeypatch.setattr(fused, "library", Spy)
    monkeypatch.setattr(fused, "_WORTH_A_THREAD", 1)
    rnn, inputs = CTRNN(3, 64, 2), torch.zeros(64, 50, 3)
    n_threads(3)
    with torch.no_grad(), rnn.training_loop():
        assert torch.get_num_threads() == 1
        rnn(inputs)
    assert torch.get_num_threads() == 3
    assert given == [3]


def test_the_engine_is_chosen_once_in_a_training_loop():
    rnn = CTRNN(3, 8, 2)
    with rnn.training_loop():
        copied = copy.deepcopy(rnn)
        assert rnn.engine is rnn.engine
        rnn.engine = "eager"
        assert rnn.engine.name == "eager"
    assert copied.engine is not copied.engine


def test_only_the_kernel_asks_for_the_cores(n_threads):
    rnn = CTRNN(3, 8, 2)
    rnn.engine = "eager"
    n_threads(3)
    with rnn.training_loop():
        assert torch.get_num_threads() == 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("trials", [200, 1100])
def test_gradients_of_many_trials_are_those_of_torch(form, trials):
    """1,100 trials are several tiles of several shards."""
    net = tensors(trials, 3, 2, 5, 2)
    found, expected = (solve(backend, equation(form), net) for backend in (fused, bptt))
    assert_close([*found, *gradients(found, net)], [*expected, *gradients(expected, net)])


@pytest.mark.parametrize("form", FORMS)
def test_units_that_never_move_have_no_division_by_zero(form):
    """At alpha = 0 a unit keeps its first state."""
    net = tensors(4, 6, 2, 5, 2, requires_grad=False)
    alpha = net.alpha.clone()
    alpha[1:3] = 0
    net = Tensors(*(v.requires_grad_() for v in net._replace(alpha=alpha)))
    found, expected = (solve(backend, equation(form), net) for backend in (fused, bptt))
    assert torch.equal(found[0][:, -1, 1:3], net.h0[:, 1:3])
    assert_close([*found, *gradients(found, net)], [*expected, *gradients(expected, net)])
