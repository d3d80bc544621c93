"""Every engine solves the same equations, with the same gradients, as torch step by step."""

from functools import partial

import pytest
import torch
from torch.testing import assert_close

from pyrnn.activations import ACTIVATIONS
from pyrnn.unroll import bptt, fused
from pyrnn.unroll._autograd import Tensors, replay, solve
from tests.unroll.cases import FORMS, equation, gradients, tensors

compiled = pytest.mark.skipif(not fused.is_available(), reason="the kernel is not compiled")
backends = pytest.mark.parametrize(
    "backend", [pytest.param(fused, marks=compiled), bptt], ids=["fused", "bptt"]
)
forms = pytest.mark.parametrize("form", FORMS)
activations = pytest.mark.parametrize("activation", list(ACTIVATIONS))

# (trials, steps, n_inputs, n, n_outputs): short rows, whole vectors, several shards and tiles
SIZES = [(1, 1, 1, 1, 1), (37, 20, 2, 64, 3), (2, 150, 1, 17, 16)]


def assert_agree(backend, eq, net, **tolerances):
    expected, found = replay(eq, net), solve(backend, eq, net)
    assert_close(found, expected, **tolerances)
    assert_close(gradients(found, net), gradients(expected, net), **tolerances)


@backends
@forms
@activations
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_agrees_with_torch_in_float64(backend, form, activation, sizes):
    assert_agree(backend, equation(form, activation), tensors(*sizes), rtol=1e-9, atol=1e-9)


@backends
@forms
@activations
def test_agrees_with_torch_in_float32(backend, form, activation):
    torch.set_default_dtype(torch.float32)
    eq, net = equation(form, activation), tensors(20, 30, 3, 50, 2)
    expected, found = replay(eq, net), solve(backend, eq, net)
    pairs = [*zip(found, expected, strict=True)]
    pairs += zip(gradients(found, net), gradients(expected, net), strict=True)
    for ours, theirs in pairs:
        assert (ours - theirs).abs().max() <= 2e-5 * theirs.abs().max().clamp(min=1)


@backends
@forms
@pytest.mark.parametrize("left_out", ["bias", "bias_out", "noise", "w_out"])
def test_agrees_without_what_is_optional(backend, form, left_out):
    net = tensors()
    changes = {left_out: None}
    if left_out == "w_out":
        changes = {"w_out": net.w_out.detach()[:0].requires_grad_(), "bias_out": None}
    assert_agree(backend, equation(form), net._replace(**changes), rtol=1e-9, atol=1e-9)


@backends
@forms
@activations
def test_gradients_are_those_of_finite_differences(backend, form, activation):
    net = tensors(2, 4, 1, 3, 1)

    def function(*tensors):
        return solve(backend, equation(form, activation), Tensors(*tensors))

    assert torch.autograd.gradcheck(function, tuple(net))


@backends
@forms
@pytest.mark.parametrize("activation", ["tanh", "softplus", "sigmoid", "gelu"])
def test_second_derivatives_are_those_of_finite_differences(backend, form, activation):
    net = tensors(1, 3, 1, 2, 1)

    def function(*tensors):
        return solve(backend, equation(form, activation), Tensors(*tensors))

    assert torch.autograd.gradgradcheck(function, tuple(net))


@backends
@forms
def test_each_tensor_may_be_the_only_one_with_a_gradient(backend, form):
    full = gradients(solve(backend, equation(form), net := tensors()), net)
    for i, tensor in enumerate(net):
        alone = Tensors(*(t.detach() for t in net))
        alone = Tensors(*alone[:i], tensor.detach().requires_grad_(), *alone[i + 1 :])
        results = solve(backend, equation(form), alone)
        rng = torch.Generator().manual_seed(1)
        given = [torch.randn(y.shape, generator=rng) for y in results]
        used = [(y, g) for y, g in zip(results, given, strict=True) if y.requires_grad]
        ys, gs = zip(*used, strict=True)
        (found,) = torch.autograd.grad(ys, alone[i], gs)
        assert_close(found, full[i])


@backends
@forms
def test_a_loss_may_change_outputs_in_place(backend, form):
    net, eq = tensors(), equation(form)
    expected = torch.autograd.grad((replay(eq, net)[1] - 1).square().sum(), net.w_rec)
    found = solve(backend, eq, net)[1].sub_(1).square().sum()
    assert_close(torch.autograd.grad(found, net.w_rec), expected)


@backends
@forms
@pytest.mark.parametrize("which", [0, 1], ids=["states", "outputs"])
def test_a_loss_may_use_states_or_outputs_alone(backend, form, which):
    net = tensors()
    sources = [net.inputs, net.h0, net.w_rec, net.alpha]
    grads = [
        torch.autograd.grad(run(equation(form), net)[which].square().sum(), sources)
        for run in (replay, partial(solve, backend))
    ]
    assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-9)


@backends
@forms
def test_backward_may_run_twice_when_the_graph_is_retained(backend, form):
    net = tensors()
    states, outputs = solve(backend, equation(form), net)
    loss = states.square().mean() + outputs.square().mean()
    first = torch.autograd.grad(loss, net, retain_graph=True)
    assert_close(torch.autograd.grad(loss, net), first, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, net)


@backends
@forms
@activations
@pytest.mark.parametrize("name", ["inputs", "h0", "w_rec", "noise"])
def test_nan_propagates_as_in_torch(backend, form, activation, name):
    net = tensors(4, 5, 2, 20, 2, requires_grad=False)
    getattr(net, name)[1].view(-1)[3] = torch.nan
    eq = equation(form, activation)
    for found, expected in zip(solve(backend, eq, net), replay(eq, net), strict=True):
        assert expected.isnan().any()
        assert torch.equal(found.isnan(), expected.isnan())


@backends
@forms
def test_no_graph_is_built_without_gradients(backend, form):
    with torch.no_grad():
        states, outputs = solve(backend, equation(form), tensors())
    assert not states.requires_grad
    assert not outputs.requires_grad


@backends
def test_tensors_need_not_be_contiguous(backend):
    net = tensors()
    strided = Tensors(*(t.detach().mT.contiguous().mT if t.ndim > 1 else t.detach() for t in net))
    assert_close(solve(backend, equation("rate"), strided), replay(equation("rate"), net))
