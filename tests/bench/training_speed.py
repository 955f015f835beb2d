"""Clips a second in training, forward, backward and step, on clips that are already there."""

from __future__ import annotations

import torch

from vp.models import build
from vp.precision import choose_device, choose_dtype

from .timing import best


def clips_per_second(recipe_name: str = "one_frame") -> dict[str, float]:
    """Of a recipe in `train/predictor/recipes/`; needs train/requirements.txt."""
    from train.predictor.losses import Objective
    from train.predictor.recipe import load_recipe
    from train.predictor.run import make_optimisers

    recipe = load_recipe(recipe_name)
    device = choose_device()
    model = build(recipe.config()).to(device).to(memory_format=torch.channels_last)
    optimisers = make_optimisers(model, recipe)
    objective = Objective(model, recipe)
    clips = torch.rand(recipe.batch, recipe.length, 3, *model.config.size, device=device)
    native = choose_dtype(device) == torch.bfloat16

    def forward() -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=native):
            return objective(clips)[0]

    def step() -> None:
        forward().backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    took = best(step, 3)
    return {"clips_per_second": recipe.batch / took, "forward_share": best(forward, 3) / took}
