"""Muon (Jordan et al. 2024), for weights that are matrices: momentum whose singular values are all made one."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

# A quintic that takes singular values from (0, 1] near 1, not to it, in few passes (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)
PASSES = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """[n, out, in] -> the same singular vectors with singular values between about 0.7 and 1.2; zeros stay zeros."""
    a, b, c = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(1e-12)
    # All passes are polynomials in the small square x x', which commute: x itself is multiplied once, at the end.
    gram = x @ x.mT
    whole = one = torch.eye(gram.shape[-1], device=x.device, dtype=x.dtype)
    for _ in range(PASSES):
        factor = a * one + b * gram + c * gram @ gram
        whole = factor @ whole
        gram = factor @ gram @ factor
    x = whole @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for convolutions' weights [out, in, k, k], read as matrices [out, in * k * k].

    One step of rate 1 changes what such a convolution makes of inputs of size 1 by about 1, however many it sums (the
    spectral condition of Yang, Simon and Bernstein 2023): kernels of 3x3 and 7x7 learn at one rate. `torch.optim.Muon`
    takes matrices only.

    weight_decay: decoupled, in units of the rate.
    """

    def __init__(self, params, lr: float = 0.02, *, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            alike = defaultdict(list)  # weights of one shape are orthogonalised as one batch
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
                    if not self.state[p]:
                        self.state[p]["momentum"] = torch.zeros_like(p)
            for params in alike.values():
                momenta, gradients = [self.state[p]["momentum"] for p in params], [p.grad for p in params]
                torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
                ahead = torch.stack(torch._foreach_lerp(gradients, momenta, group["momentum"]))  # Nesterov's look ahead
                # The order of inputs does not matter to the singular values: this one is no copy in channels_last.
                rows = ahead.movedim(2, -1).flatten(2).float()
                out, inputs = rows.shape[1:]
                steps = orthogonalise(rows).mul_((out / inputs) ** 0.5)
                steps = steps.unflatten(2, (*ahead.shape[3:], ahead.shape[2])).movedim(-1, 2)
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(params, list(steps.to(params[0].dtype)), alpha=-group["lr"])
