"""A classifier's recipe: one small YAML file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from vp.models import BLOCKS, ClassifierConfig, in_order

from ..predictor.recipe import read_recipe


@dataclass(frozen=True)
class ClassifierRecipe:
    """What to fit and how.

    strategy, blocks, hidden, batch_norm, dropout, input_dropout, standardise: of `ClassifierConfig`.
    optimiser: "adam" or "adamw"; learning_rate: its peak, annealed to zero over the `epochs` by half a cosine.
    directions: along which the distance to the nearest training clip is measured, at most one less than clips; 0: not.
    """

    strategy: str = "pooled"
    blocks: tuple[str, ...] = BLOCKS
    hidden: int = 2000
    batch_norm: bool = True
    dropout: float = 0.0
    input_dropout: float = 0.0
    standardise: bool = False
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 60
    batch: int = 64
    directions: int = 0
    label_smoothing: float = 0.0

    def config(self, predictor: str, features: int, classes: list[str], clips: int) -> ClassifierConfig:
        """The network that it fits to so many training clips."""
        directions = min(self.directions, features, clips - 1)
        known = {field.name for field in fields(ClassifierConfig)}
        values = {name: value for name, value in vars(self).items() if name in known}
        values |= {"predictor": predictor, "features": features, "classes": tuple(classes)}
        return ClassifierConfig(**values | {"directions": directions, "remembered": clips if directions else 0})


def load_classifier_recipe(name: str | Path) -> ClassifierRecipe:
    """Read a recipe by its name or by path. Raises ValueError for an unknown one, an unknown field or block."""
    path, values = read_recipe(name, "classifier", ClassifierRecipe)
    asked = values.get("blocks", BLOCKS)
    if not asked or not set(asked) <= set(BLOCKS):
        raise ValueError(f"{path}: blocks must be some of {', '.join(BLOCKS)}, not {asked}")
    return ClassifierRecipe(**values | {"blocks": in_order(asked)})
