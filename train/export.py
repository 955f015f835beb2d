"""Write a trained predictor as the app loads it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from vp.checkpoints import save_encoder, save_predictor
from vp.models import Ladder

from .recipe import Recipe


def export(model: Ladder, recipe: Recipe, progress: dict, folder: Path) -> None:
    """`folder/encoder/` and `folder/MODEL/`, safetensors and config.json."""
    training = {
        "recipe": asdict(recipe),
        "minutes": round(progress["seconds"] / 60, 1),
        "steps": progress["step"],
        "clips": progress["clips"],
    }
    if progress.get("before"):
        training["before"] = progress["before"]  # what the weights that this run started from had had
    save_encoder(folder, model, provenance=progress["provenance"])
    save_predictor(folder, recipe.model, model, training=training, scores={"validation": progress.get("scores", {})})
