"""Optimisers by name, and the learning rate over a run."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from vp.models import Ladder

from .muon import Muon
from .recipe import Recipe

OPTIMISERS = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "muon": Muon,
}


def new_optimiser(name: str, params: Iterable, *, lr: float, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """An optimiser by name. params: parameters or groups of them. SGD has a momentum of 0.9."""
    more = {"momentum": 0.9} if name == "sgd" else {}
    return OPTIMISERS[name](params, lr=lr, weight_decay=weight_decay, **more)


def make_optimiser(model: Ladder, recipe: Recipe) -> torch.optim.Optimizer:
    """The ladder's parameters, and the encoder's at their own share of the learning rate.

    Each group has its `share` of the rate. `encoder_rate` 0 keeps the encoder frozen; its layer4 may have had no
    weights to start from and learns at half the full rate. Muon takes convolutions inside the network as matrices, not
    those that read or make pictures.
    """
    muon = recipe.optimiser == "muon"
    edges = {id(p) for part in (model.stem, model.head.output) if part is not None for p in part.parameters()}
    gru = {id(m.weight): m for m in model.laterals.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}

    def add(p: nn.Parameter, share: float) -> None:
        matrix = muon and p.ndim == 4 and p.shape[0] > 1 and id(p) not in edges
        groups.setdefault((share, matrix), []).append(p)

    for name, p in model.named_parameters():
        if not name.startswith("encoder."):
            fan_in = p[0].numel() if id(p) in gru and recipe.gru_fan_in and not muon else 0
            add(p, min(1.0, recipe.gru_fan_in / fan_in) if fan_in else 1.0)
    if recipe.encoder_rate:
        for name, p in model.encoder.named_parameters():
            add(p, 0.5 if name.startswith("layer4") else recipe.encoder_rate)
    else:
        model.encoder.requires_grad_(False)
    described = [
        {"params": params, "share": share} | ({"matrix": matrix} if muon else {})
        for (share, matrix), params in groups.items()
    ]
    decay = recipe.weight_decay if recipe.optimiser in ("adamw", "muon") else 0.0
    return new_optimiser(recipe.optimiser, described, lr=recipe.learning_rate, weight_decay=decay)


def learning_rate(recipe: Recipe, step: int, share: float) -> float:
    """The rate at a step, `share` of the run being done: a ramp over `warmup` steps, flat, then a straight line to zero
    over the last half. Flat, because a run whose end is a time keeps learning for as long as it can."""
    return recipe.learning_rate * min(1.0, (step + 1) / recipe.warmup) * min(1.0, 2 * (1 - share))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
