"""Convolutions as products of spectra, for training on CPUs without bf16 instructions (Mathieu, Henaff and LeCun 2013).

A 7x7 kernel costs 49 multiplications for each pixel and pair of channels; in the spectrum of a whole map it costs fewer
than three, and the transforms, matrix products too, are shared by all pairs of channels. A map of h x w pixels under a
k x k kernel is taken as periodic with (h + k // 2) x (w + k // 2), so that what wraps around falls outside of it.
Numbers agree with `nn.Conv2d` to rounding (1e-5 of the largest).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# By kernel size, the input channels from which it pays (measured on two AVX2 cores, at the maps of C1 to C3): with few
# channels the transforms cost more than they save.
PAYS_FROM = {3: 192, 5: 64, 7: 1}
PAYS_FOR_ONE = {5: 64, 7: 64}  # while the clips come one by one


def is_faster(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether to take it: bf16 instructions and GPUs are faster still."""
    return device.type == "cpu" and dtype == torch.float32


class Bases(NamedTuple):
    """Matrices of the real discrete Fourier transform of [h, w] maps; H and W is the period, V = W // 2 + 1.

    Of a real map's spectrum, only the V columns that are not determined by others are kept, real part then imaginary.
    across: [2 V, w]; down: [2 H, 2 h]: pixels to frequencies, rows first. up: [2 h, 2 H]; back: [w, 2 V]: the way
    back. kernel: [2 H V, k * k], from a kernel whose middle is the origin, conjugated (a network's "convolution" is a
    correlation).
    """

    across: Tensor
    down: Tensor
    up: Tensor
    back: Tensor
    kernel: Tensor


@functools.lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept must serve training too, whoever asked first
def bases(h: int, w: int, k: int, dtype: torch.dtype) -> Bases:
    """For maps of h x w pixels under k x k kernels, k odd."""
    period, wide = h + k // 2, w + k // 2
    rows, columns = torch.arange(period), torch.arange(wide // 2 + 1)

    def angle(n: int, a: Tensor, b: Tensor) -> Tensor:
        return 2 * math.pi / n * torch.outer(a.double(), b.double())

    turn = angle(wide, columns, torch.arange(w))
    across = torch.cat([turn.cos(), -turn.sin()])
    turn = angle(period, rows, torch.arange(h))
    # Rows (part, frequency), columns (pixel, part): what `across` leaves has the part inside the row of pixels.
    down = torch.stack([torch.stack([turn.cos(), turn.sin()], -1), torch.stack([-turn.sin(), turn.cos()], -1)])
    cos, sin = turn.t().cos() / period, turn.t().sin() / period
    up = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    # Columns that were left out are conjugates of those kept: they count twice.
    twice = torch.where((columns == 0) | (2 * columns == wide), 1.0, 2.0).double() / wide
    turn = angle(wide, torch.arange(w), columns)
    back = torch.cat([turn.cos() * twice, -turn.sin() * twice], dim=1)
    offsets = torch.arange(k) - k // 2
    turn = angle(period, rows, offsets)[:, None, :, None] + angle(wide, columns, offsets)[None, :, None, :]
    turn = turn.reshape(-1, k * k)
    kernel = torch.cat([turn.cos(), turn.sin()])
    matrices = (across, down.reshape(2 * period, 2 * h), up.reshape(2 * h, 2 * period), back, kernel)
    return Bases(*(matrix.to(dtype).contiguous() for matrix in matrices))


def to_spectrum(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Maps [N, C, h, w] -> [2, H * V, N, C]. With `back` and `up` transposed, the adjoint of `to_maps`."""
    n, c, h, w = x.shape
    # Maps and channels innermost: then both transforms and all that follows are matrix products without copies.
    x = torch.matmul(across, x.permute(2, 3, 0, 1).reshape(h, w, n * c))
    return torch.mm(down, x.view(2 * h, -1)).view(2, -1, n, c)


def to_maps(x: Tensor, up: Tensor, back: Tensor) -> Tensor:
    """Spectra [2, H * V, N, C] -> maps [N, C, h, w]. With `down` and `across` transposed, the adjoint."""
    _, _, n, c = x.shape
    x = torch.mm(up, x.view(up.shape[1], -1)).view(len(up) // 2, back.shape[1], n * c)
    x = torch.matmul(back, x).view(len(up) // 2, len(back), n, c).permute(2, 3, 0, 1)
    return x.contiguous(memory_format=torch.channels_last)


def times(x: Tensor, matrix: Tensor, conjugate: bool = False) -> Tensor:
    """Spectra [2, F, N, C] times a matrix [2, F, C, O], or its conjugate, at every frequency -> [2, F, N, O]."""
    sign = -1 if conjugate else 1
    out = x.new_empty(*x.shape[:3], matrix.shape[-1])
    torch.bmm(x[0], matrix[0], out=out[0]).baddbmm_(x[1], matrix[1], alpha=-sign)
    torch.bmm(x[1], matrix[0], out=out[1]).baddbmm_(x[0], matrix[1], alpha=sign)
    return out


class _KernelSpectrum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight: Tensor, basis: Tensor) -> Tensor:
        outputs, inputs, k, _ = weight.shape
        ctx.shape = weight.shape
        ctx.save_for_backward(basis)
        return (basis @ weight.permute(2, 3, 1, 0).reshape(k * k, -1)).view(2, -1, inputs, outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (basis,) = ctx.saved_tensors
        outputs, inputs, k, _ = ctx.shape
        gradient = basis.t() @ gradient.reshape(len(basis), -1)
        return gradient.view(k, k, inputs, outputs).permute(3, 2, 0, 1), None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, kernel: Tensor, matrices: Bases) -> Tensor:
        ctx.matrices = matrices
        spectrum = to_spectrum(x, matrices.across, matrices.down)
        ctx.save_for_backward(spectrum, kernel)
        return to_maps(times(spectrum, kernel), matrices.up, matrices.back)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (spectrum, kernel), matrices = ctx.saved_tensors, ctx.matrices
        gradient = to_spectrum(gradient, matrices.back.t(), matrices.up.t())
        to_x = to_kernel = None
        if ctx.needs_input_grad[0]:
            to_x = times(gradient, kernel.transpose(2, 3), conjugate=True)
            to_x = to_maps(to_x, matrices.down.t(), matrices.across.t())
        if ctx.needs_input_grad[1]:
            # The spectrum's conjugate, transposed, times the gradient's.
            turned = spectrum.transpose(2, 3)
            to_kernel = torch.empty_like(kernel)
            torch.bmm(turned[0], gradient[0], out=to_kernel[0]).baddbmm_(turned[1], gradient[1])
            torch.bmm(turned[0], gradient[1], out=to_kernel[1]).baddbmm_(turned[1], gradient[0], alpha=-1)
        return to_x, to_kernel, None


class FourierConv2d(nn.Conv2d):
    """A convolution of stride 1 that keeps the size, with an odd square kernel.

    The spectrum of its kernel is kept from call to call (a recurrent convolution is called at every step) until
    `forget`: after the weight has changed, and after a backward pass.
    """

    _spectra: dict[tuple[int, int], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, h, w] -> [N, outputs, h, w]."""
        matrices = bases(*x.shape[-2:], self.kernel_size[0], x.dtype)
        if self._spectra is None:
            self._spectra = {}
        size = tuple(x.shape[-2:])
        if size not in self._spectra:
            self._spectra[size] = _KernelSpectrum.apply(self.weight, matrices.kernel)
        y = _Convolution.apply(x, self._spectra[size], matrices)
        return y if self.bias is None else y + self.bias[:, None, None]

    def forget(self) -> None:
        """Drop what was computed of the kernel."""
        self._spectra = None


def use_fourier(module: nn.Module) -> int:
    """Let the convolutions of a module that are trained and for which it pays work by Fourier transform, from now on.

    Parameters stay what and where they are. What is kept of the kernels is dropped whenever the module is called: one
    call, one backward pass. Returns how many convolutions it was.
    """
    chosen = _take(module, PAYS_FROM, trained=True)

    def forget(*_: object) -> None:
        for conv in chosen:
            conv.forget()

    module.register_forward_pre_hook(forget)
    return len(chosen)


def use_fourier_frozen(*modules: nn.Module, one_clip: bool = False) -> int:
    """The same for modules whose weights do not change any more and that are run without gradients.

    one_clip: leave the recurrent convolutions alone, which then see one map after another and gain nothing.
    """
    return sum(len(_take(module, PAYS_FOR_ONE if one_clip else PAYS_FROM, trained=False)) for module in modules)


def _take(module: nn.Module, pays_from: dict[int, int], *, trained: bool) -> list[FourierConv2d]:
    def pays(conv: nn.Conv2d) -> bool:
        return conv.weight.requires_grad == trained and conv.in_channels >= pays_from.get(conv.kernel_size[0], math.inf)

    chosen = [c for c in module.modules() if isinstance(c, nn.Conv2d) and _keeps_size(c) and pays(c)]
    for conv in chosen:
        conv.__class__ = FourierConv2d
    return chosen


def _keeps_size(conv: nn.Conv2d) -> bool:
    k = conv.kernel_size[0]
    plain = (conv.dilation, conv.groups, conv.padding_mode) == ((1, 1), 1, "zeros")
    return plain and (conv.kernel_size, conv.stride, conv.padding) == ((k, k), (1, 1), (k // 2, k // 2))
