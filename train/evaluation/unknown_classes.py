"""What the action classifier says of actions that it was never shown.

Each class is left out of training once, a fifth of them at a time. The page names a class where the best score is high
enough and the clip resembles one seen in training (`vp.action_classifier`); of an unknown action it should name none.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vp.action_classifier import SURE
from vp.models import ClassifierConfig

from ..classifier.fitting import FOLDS, Examples, fit
from ..classifier.recipe import ClassifierRecipe


@torch.no_grad()
def named_shares(
    training: Examples, test: Examples, recipe: ClassifierRecipe, known: ClassifierConfig
) -> dict[str, float] | None:
    """Shares of test clips that get a class named, by classifiers that miss a fifth of the classes.

    known: the configuration of the whole classifier, whose temperature and bound of what is familiar are used.
    Returns {"known": of the clips of classes that it was shown, "right": of these named ones, those named rightly,
    "unknown": of the clips of classes left out}; None where there are too few classes to leave one out.
    """
    if len(known.classes) < 3:
        return None
    named, right, unknown = [], [], []
    for first in range(min(FOLDS, len(known.classes))):
        out = torch.zeros(len(known.classes), dtype=torch.bool)
        out[first::FOLDS] = True
        kept = [name for name, left in zip(known.classes, out, strict=True) if not left]
        place = torch.full((len(out),), -1).masked_scatter(~out, torch.arange(len(kept)))
        shown = training.take(~out[training.labels])
        shown = replace(shown, labels=place[shown.labels])
        with torch.enable_grad():
            net, _ = fit(shown, known.predictor, kept, recipe, seed=first)
        net.config = replace(net.config, temperature=known.temperature)
        score, guess = net.probabilities(test.features).max(1)
        named.append((score >= SURE) & _familiar(net.strangeness(test.features), known.familiar))
        right.append(guess == place[test.labels])
        unknown.append(out[test.labels])
    named, right, unknown = torch.cat(named), torch.cat(right), torch.cat(unknown)
    return {
        "known": _share(named[~unknown]),
        "right": _share(right[named & ~unknown]),
        "unknown": _share(named[unknown]),
    }


def _familiar(strangeness: Tensor, limit: float | None) -> Tensor:
    return torch.ones_like(strangeness, dtype=torch.bool) if limit is None else strangeness <= limit


def _share(those: Tensor) -> float:
    return those.float().mean().item() if len(those) else 0.0
