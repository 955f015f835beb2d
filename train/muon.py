"""Muon (Jordan et al. 2024), for weights that are matrices: momentum whose singular values are all made one."""

from __future__ import annotations

import torch
from torch import Tensor

# A quintic that takes singular values from (0, 1] near 1, not to it, in few passes (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)
PASSES = 5


def orthogonalise(matrix: Tensor) -> Tensor:
    """[m, n] -> the same singular vectors with singular values between about 0.7 and 1.2; zeros stay zeros."""
    a, b, c = QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / wide.norm().clamp_min(1e-12)
    # All passes are polynomials in the small square x x', which commute: x itself is multiplied once, at the end.
    gram = x @ x.T
    whole = one = torch.eye(len(x), device=x.device, dtype=x.dtype)
    for _ in range(PASSES):
        factor = a * one + b * gram + c * gram @ gram
        whole = factor @ whole
        gram = factor @ gram @ factor
    x = whole @ x
    return x if wide is matrix else x.T


class Muon(torch.optim.Optimizer):
    """Muon for convolutions, AdamW for what is no matrix.

    A group with "matrix": True holds convolution weights [out, in, k, k], read as matrices [out, in * k * k]. One step
    of rate 1 changes what such a convolution makes of inputs of size 1 by about 1, however many it sums (the spectral
    condition of Yang, Simon and Bernstein 2023): kernels of 3x3 and 7x7 learn at one rate. Other groups take AdamW's
    step at `adam_share` of the rate.

    params: parameters or groups. lr: the rate of matrices. momentum: of matrices; betas: of the others.
    weight_decay: decoupled, in units of the rate, on matrices only.
    """

    def __init__(
        self,
        params,
        lr: float = 0.02,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        adam_share: float = 0.05,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "betas": betas,
                "weight_decay": weight_decay,
                "adam_share": adam_share,
                "matrix": False,
            },
        )

    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            move = self._move_matrix if group["matrix"] else self._move_adam
            for p in group["params"]:
                if p.grad is not None:
                    move(p, group)
        return loss

    def _move_matrix(self, p: Tensor, group: dict) -> None:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        momentum = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
        ahead = p.grad.lerp(momentum, group["momentum"])  # Nesterov's look ahead
        # The order of inputs does not matter to the singular values: take the one that is no copy in channels_last.
        rows = ahead.movedim(1, -1).reshape(len(p), -1).float()
        out, inputs = rows.shape
        step = orthogonalise(rows).mul_((out / inputs) ** 0.5)
        step = step.view(len(p), *p.shape[2:], p.shape[1]).movedim(-1, 1)
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(step.to(p.dtype), alpha=-group["lr"])

    def _move_adam(self, p: Tensor, group: dict) -> None:
        state = self.state[p]
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(p), square=torch.zeros_like(p))
        state["step"] += 1
        count, (b1, b2) = int(state["step"]), group["betas"]
        state["mean"].lerp_(p.grad, 1 - b1)
        state["square"].lerp_(p.grad.square(), 1 - b2)
        scale = (state["square"] / (1 - b2**count)).sqrt_().add_(1e-8)
        p.addcdiv_(state["mean"], scale, value=-group["lr"] * group["adam_share"] / (1 - b1**count))
