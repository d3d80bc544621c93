"""Networks on which engines are compared."""

import ctypes
import mmap

import torch
from torch import Tensor

from pyrnn.activations import ACTIVATIONS
from pyrnn.unroll._autograd import Equation, Tensors

FORMS = ("rate", "current")


def equation(form: str, activation: str = "tanh") -> Equation:
    return Equation(form, activation, ACTIVATIONS[activation])


def tensors(trials=5, steps=7, n_inputs=3, n=6, n_outputs=2, *, requires_grad=True) -> Tensors:
    """Random tensors; the recurrent weights keep activity bounded."""
    made = Tensors(
        inputs=torch.randn(trials, steps, n_inputs),
        h0=torch.randn(trials, n),
        w_rec=0.8 * torch.randn(n, n) / n**0.5,
        w_in=torch.randn(n, n_inputs),
        w_out=torch.randn(n_outputs, n),
        alpha=0.2 + 0.7 * torch.rand(n),
        bias=torch.randn(n),
        bias_out=torch.randn(n_outputs),
        noise=torch.randn(trials, steps, n),
    )
    return Tensors(*(t.requires_grad_(requires_grad) for t in made))


def gradients(results: tuple[Tensor, Tensor], given: Tensors) -> list[Tensor]:
    """Gradients of a random projection, the same at every call, to every tensor."""
    rng = torch.Generator().manual_seed(1)
    weights = [torch.randn(y.shape, generator=rng, dtype=y.dtype) for y in results]
    sources = [t for t in given if t is not None]
    return list(torch.autograd.grad(results, sources, weights, retain_graph=True))


def guarded(tensor: Tensor) -> Tensor:
    """Return a copy that ends where memory ends: to read beyond it is a segmentation fault."""
    n_bytes, page = tensor.numel() * tensor.element_size(), mmap.PAGESIZE
    end = -(-n_bytes // page) * page
    memory = mmap.mmap(-1, end + page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + end
    protect = ctypes.CDLL(None).mprotect
    assert protect(ctypes.c_void_p(address), ctypes.c_size_t(page), 0) == 0
    copy = torch.frombuffer(memory, dtype=tensor.dtype, count=tensor.numel(), offset=end - n_bytes)
    copy.copy_(tensor.detach().flatten())
    return copy.view(tensor.shape).requires_grad_(tensor.requires_grad)
