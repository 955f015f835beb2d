"""Clips a second in training, forward, backward and step, on clips that are already there."""

from __future__ import annotations

import torch

from vp.models import Ladder
from vp.precision import choose_device, choose_dtype

from .timing import best


def clips_per_second(recipe_name: str = "one_frame_shared") -> dict[str, float]:
    """Of a recipe in `train/recipes/`, as it is trained here and, where that is by Fourier transform, by direct
    convolution too; needs train/requirements.txt."""
    from train.fourier import is_faster, use_fourier
    from train.losses import PredictionLoss
    from train.objective import Objective
    from train.optimisers import make_optimiser
    from train.recipe import load_recipe

    recipe = load_recipe(recipe_name)
    device = choose_device()
    model = Ladder(recipe.config()).to(device).to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe)
    objective = Objective(model, PredictionLoss(recipe.loss, model.encoder))
    seen = recipe.seen[1]
    clips = torch.rand(recipe.batch, seen + 1, 3, *model.config.size, device=device)
    native = choose_dtype(device) == torch.bfloat16

    def forward() -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=native):
            return objective(clips, seen)[0]

    def step() -> None:
        forward().backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    found = {}
    if is_faster(device, choose_dtype(device)):
        found["direct_clips_per_second"] = recipe.batch / best(step, 3)
        use_fourier(objective)
    took = best(step, 3)
    return found | {"clips_per_second": recipe.batch / took, "forward_share": best(forward, 3) / took}
