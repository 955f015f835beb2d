"""A classifier's recipe: one small YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vp.models import BLOCKS, NAMES, ClassifierConfig, ConfigError

from ..predictor.recipe import read_recipe
from ..typed import Count, NotNegative, Positive

RIDGE = "ridge"
OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
MEASURED = ("predictor", "features", "classes", "temperature", "soft_cap", "remembered", "familiar")


@dataclass(frozen=True)
class ClassifierRecipe:
    """What to fit and how.

    network: fields of its `ClassifierConfig`, but those that are `MEASURED`; at most so many `directions` as one less
        than clips are taken.
    optimiser: "adam" or "adamw"; learning_rate: its peak, annealed to zero over the `epochs` by half a cosine. Or
        "ridge", for a network without a hidden layer: exactly, in one step.
    """

    network: dict
    optimiser: str = "adam"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    epochs: Count = 60
    batch: Count = 64

    @property
    def blocks(self) -> tuple[str, ...]:
        return tuple(self.network.get("blocks", BLOCKS))

    def with_network(self, **changes: object) -> ClassifierRecipe:
        """The same for a network with some fields set otherwise."""
        return replace(self, network=self.network | changes)

    def config(self, predictor: str, features: int, classes: Sequence[str], clips: int) -> ClassifierConfig:
        """The network that it fits to so many training clips. Raises ConfigError for one that cannot be."""
        remembered = clips if self.network.get("directions") else 0
        measured = {"predictor": predictor, "features": features, "classes": classes, "remembered": remembered}
        config = ClassifierConfig.from_dict(self.network | measured)
        directions = min(config.directions, features, clips - 1)
        return replace(config, directions=directions, remembered=remembered if directions else 0)


def load_classifier_recipe(name: str | Path) -> ClassifierRecipe:
    """Read a recipe by its name or by path. Raises ValueError, in one line, for one that cannot be fitted by."""
    path, recipe = read_recipe(name, "classifier", ClassifierRecipe)
    if recipe.optimiser not in (known := (*OPTIMISERS, RIDGE)):
        raise ValueError(f"{path}: optimiser must be one of {', '.join(known)}, not {recipe.optimiser}")
    if recipe.optimiser == RIDGE and recipe.network.get("hidden", 1) != 0:
        raise ValueError(f"{path}: network: hidden must be 0 for ridge, which fits no hidden layer")
    if chosen := sorted(set(recipe.network) & set(MEASURED)):
        raise ValueError(f"{path}: network: {', '.join(chosen)} cannot be chosen, but is measured: leave it out")
    try:
        recipe.config(NAMES[0], features=1, classes=["one", "other"], clips=2)
    except ConfigError as error:
        raise ConfigError(f"{path}: network: {error}") from None
    return recipe
