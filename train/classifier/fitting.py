"""How a classifier is fitted to features, and how sure it may be: folds, temperature, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vp.models import KERNELS, StateClassifier
from vp.models.cues import FEATURES, MATCHED, MOVED, Cue
from vp.models.readout import feature_cues

from ..data.clip_files import ClipFile
from .features import load_features
from .recipe import LBFGS, OPTIMISERS, ClassifierRecipe

FOLDS = 5
# Share of the held-out training clips that are to count as familiar.
FAMILIAR = 0.95
HOTTEST = 100.0


def fold_of(clips: list[ClipFile]) -> Tensor:
    """Fold of each clip [N]: a group, cut from one source video, lies in one."""
    return torch.tensor([clip.group % FOLDS for clip in clips])


@dataclass(frozen=True)
class Examples:
    """Clips to learn from: their features [N, F] and the indices of their classes [N].

    cues: which cue each feature belongs to [F]; None where they belong to none.
    """

    features: Tensor
    labels: Tensor
    cues: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Tensor) -> Examples:
        """Some of them, by index or mask."""
        return replace(self, features=self.features[which], labels=self.labels[which])

    def reading(self, some: Tensor) -> Examples:
        """The same clips by some of their features, by mask [F]."""
        cues = None if self.cues is None else self.cues[some]
        return replace(self, features=self.features[:, some], cues=cues)


def fit(
    examples: Examples,
    predictor: str,
    classes: list[str],
    recipe: ClassifierRecipe,
    *,
    held_out: Examples | None = None,
    seed: int = 0,
) -> tuple[StateClassifier, list[dict[str, float]]]:
    """Fit a classifier. Returns it in eval mode and, for each epoch, the loss and, with `held_out`, the
    accuracy on both sets; no epochs for L-BFGS."""
    torch.manual_seed(seed)
    net = StateClassifier(recipe.config(predictor, examples.features.shape[1], classes, len(examples)))
    net.set_standard(examples.features, examples.cues)
    if recipe.optimiser == LBFGS:
        minimise(net, examples, recipe)
        return net.eval(), []
    optimiser = OPTIMISERS[recipe.optimiser](
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    batches = max(1, len(examples) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, batches * recipe.epochs)
    curve = []
    for _ in range(recipe.epochs):
        net.train()
        total = 0.0
        # Whole batches: batch norm cannot use a last one of a single clip.
        for which in torch.randperm(len(examples))[: batches * recipe.batch].chunk(batches):
            batch = examples.take(which)
            loss = F.cross_entropy(net(batch.features), batch.labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / batches
        net.eval()
        curve.append({"loss": total})
        if held_out is not None:
            curve[-1] |= {"training": accuracy(net, examples), "held_out": accuracy(net, held_out)}
    return net.eval(), curve


def minimise(net: StateClassifier, examples: Examples, recipe: ClassifierRecipe) -> None:
    """Fit a classifier without a hidden layer exactly: logistic regression, `weight_decay` on its squared weights."""
    x, y, layer = net.standard(examples.features), examples.labels, net.net
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    optimiser = torch.optim.LBFGS(layer.parameters(), max_iter=recipe.epochs, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(layer(x), y) + recipe.weight_decay / 2 * layer.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)


@torch.no_grad()
def accuracy(net: StateClassifier, examples: Examples) -> float:
    """Share of clips whose class gets the highest score."""
    return (net(examples.features).argmax(1) == examples.labels).float().mean().item()


@torch.no_grad()
def cross_validate(
    examples: Examples, folds: Tensor, predictor: str, classes: list[str], recipe: ClassifierRecipe
) -> tuple[Tensor, Tensor]:
    """Logits [N, classes] and strangeness [N] of every clip, by a classifier fitted without its fold."""
    logits, strangeness = torch.empty(len(examples), len(classes)), torch.empty(len(examples))
    for fold in folds.unique():
        out = folds == fold
        with torch.enable_grad():
            net, _ = fit(examples.take(~out), predictor, classes, recipe, seed=int(fold))
        logits[out], strangeness[out] = net(examples.features[out]), net.strangeness(examples.features[out])
    return logits, strangeness


def temperature(logits: Tensor, labels: Tensor) -> float:
    """What to divide logits by so that their softmax is likeliest for the labels (Guo et al. 2017).

    At most `HOTTEST`: logits that know nothing of the labels would be divided by infinity.
    """
    scale = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(logits / scale.exp(), labels)
        loss.backward()
        return loss

    optimiser.step(closure)
    return min(math.exp(scale.item()), HOTTEST)


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Expected calibration error of the top class: mean distance of score and accuracy over bins of equal width."""
    score, guess = probabilities.max(1)
    right = (guess == labels).float()
    place = (score * bins).long().clamp(0, bins - 1)
    apart = [(score[place == b].sum() - right[place == b].sum()).abs() for b in range(bins)]
    return (sum(apart) / len(labels)).item()


def load_examples(
    folder: Path, clips: list[ClipFile], classes: list[str], what: str, cues: list[Cue] | None = None
) -> Examples:
    """Clips as the features called `what` tell them; what, and what is raised, as in `load_features`. cues: whose
    features they are."""
    labels = torch.tensor([classes.index(clip.label) for clip in clips])
    features = load_features(folder, clips, what)
    return Examples(features, labels, None if cues is None else feature_cues(cues))


def parts_of(cues: list[Cue]) -> dict[str, Tensor]:
    """Which features some of the cues make up, by a name for them: {name: mask [F]}. Parts without features are left
    out."""
    blocks, cue_of = [cue.block for cue in cues if cue.name == FEATURES], feature_cues(cues)
    parts = {
        "appearance alone": [cue.stream == "appearance" for cue in cues],
        "motion alone": [cue.stream == "motion" for cue in cues],
        "what was matched alone": [cue.name == MATCHED for cue in cues],
        "what the memories move alone": [cue.name == MOVED for cue in cues],
        "the states alone": [cue.name in KERNELS for cue in cues],
        "all but the states": [cue.name not in KERNELS for cue in cues],
        "the features that the blocks read alone": [cue.name == FEATURES for cue in cues],
        "no memories: features and what was matched": [cue.name in (FEATURES, MATCHED) for cue in cues],
        **{f"{block} alone": [cue.block == block for cue in cues] for block in blocks},
    }
    return {name: torch.tensor(some)[cue_of] for name, some in parts.items() if any(some)}
