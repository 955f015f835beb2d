"""The convolutional gated recurrent unit (Ballas et al. 2016; Siam et al. 2016, the paper's [Sia+16])."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Gates(NamedTuple):
    """Everything one ConvGRU step computes, each [B, C, h, w] (or [B, T, C, h, w] for a recorded sequence).

    h: state after the step, in [-1, 1].
    z: update gate in [0, 1]; 1 replaces the state by the candidate.
    r: reset gate in [0, 1]; 0 hides the old state from the candidate.
    n: candidate state in [-1, 1].
    """

    h: Tensor
    z: Tensor
    r: Tensor
    n: Tensor


class ConvGRU(nn.Module):
    """One ConvGRU with a square kernel.

        z = sigmoid(W_z * x + U_z * h)
        r = sigmoid(W_r * x + U_r * h)
        n = tanh(W_n * x + U_n * (r . h))
        h' = (1 - z) . h + z . n

    The input convolutions W do not depend on the state, so `input` runs over all steps at once, [N, inputs, h, w] ->
    [N, 3 * width, h, w]: W_z x, W_r x and W_n x with their biases; only the recurrence in `step` is sequential.
    """

    def __init__(self, *, inputs: int, width: int, kernel: int) -> None:
        super().__init__()
        self.width = width
        same = kernel // 2
        self.input = nn.Conv2d(inputs, 3 * width, kernel, padding=same)
        self.gates = nn.Conv2d(width, 2 * width, kernel, padding=same, bias=False)
        self.candidate = nn.Conv2d(width, width, kernel, padding=same, bias=False)

    def step(self, projected: Tensor, h: Tensor | None) -> Gates:
        """One step from what `input` made [B, 3 * width, h, w] and state [B, width, h, w]; None is a state of zeros, of
        which nothing has to be convolved."""
        x_gates, x_candidate = projected.split([2 * self.width, self.width], dim=1)
        z, r = torch.sigmoid(x_gates if h is None else x_gates + self.gates(h)).chunk(2, dim=1)
        n = torch.tanh(x_candidate if h is None else x_candidate + self.candidate(r * h))
        return Gates(z * n if h is None else torch.lerp(h, n, z), z, r, n)
