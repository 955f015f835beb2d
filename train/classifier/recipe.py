"""A classifier's recipe: one small YAML file."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from vp.models import BLOCKS, NAMES, ClassifierConfig, ConfigError, in_order

from ..predictor.recipe import read_recipe
from ..typed import Count, NotNegative, Positive, Share

OPTIMISERS = ("adam", "adamw")


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
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    epochs: Count = 60
    batch: Count = 64
    directions: int = 0
    label_smoothing: Share = 0.0

    def config(self, predictor: str, features: int, classes: list[str], clips: int) -> ClassifierConfig:
        """The network that it fits to so many training clips."""
        directions = min(self.directions, features, clips - 1)
        known = {field.name for field in fields(ClassifierConfig)}
        values = {name: value for name, value in vars(self).items() if name in known}
        values |= {"predictor": predictor, "features": features, "classes": tuple(classes)}
        return ClassifierConfig(**values | {"directions": directions, "remembered": clips if directions else 0})


def load_classifier_recipe(name: str | Path) -> ClassifierRecipe:
    """Read a recipe by its name or by path. Raises ValueError, in one line, for one that cannot be fitted by."""
    path, recipe = read_recipe(name, "classifier", ClassifierRecipe)
    if not recipe.blocks or not set(recipe.blocks) <= set(BLOCKS):
        raise ValueError(f"{path}: blocks must be some of {', '.join(BLOCKS)}, not {list(recipe.blocks)}")
    if recipe.optimiser not in OPTIMISERS:
        raise ValueError(f"{path}: optimiser must be one of {', '.join(OPTIMISERS)}, not {recipe.optimiser}")
    recipe = replace(recipe, blocks=in_order(recipe.blocks))
    try:
        recipe.config(NAMES[0], features=1, classes=["one", "other"], clips=2)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return recipe
