"""How a classifier is fitted to features, and how sure it may be: folds, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from vp.models import KERNELS, StateClassifier
from vp.models.classifier import calibrated
from vp.models.classifier_inputs import FEATURES, MATCHED, MOVED, STREAMS, Cue, feature_cues

from ..data.clip_files import ClipFile
from .classifier_recipe import OPTIMISERS, RIDGE, ClassifierRecipe
from .features import load_features

# Logits that know nothing of the labels would be divided by infinity; a cap as high as that is none.
HOTTEST, HIGHEST = 100.0, 1000.0


def fold_of(clips: list[ClipFile]) -> Tensor:
    """Fold of each clip [N]: its group, of which all clips of a class are of one video. Leaving one out at a time,
    as UCF101's authors do, is closest to the classifier that is fitted to all."""
    return torch.tensor([clip.group for clip in clips])


@dataclass(frozen=True)
class Examples:
    """Clips to learn from: their features [N, F], the indices of their classes [N], and which cue each feature belongs
    to [F], None where they belong to none."""

    features: Tensor
    labels: Tensor
    cues: Tensor | None = None

    def take(self, which: Tensor) -> Examples:
        """Some of them, by index or mask."""
        return replace(self, features=self.features[which], labels=self.labels[which])

    def reading(self, mask: Tensor) -> Examples:
        """The same clips by some of their features, by mask [F]; they have cues."""
        return replace(self, features=self.features[:, mask], cues=self.cues[mask])


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
    accuracy on both sets; no epochs for "ridge"."""
    torch.manual_seed(seed)
    count, width = examples.features.shape
    net = StateClassifier(recipe.config(predictor, width, classes, count))
    net.set_standard(examples.features, examples.cues)
    if recipe.optimiser == RIDGE:
        least_squares(net, examples, recipe.weight_decay)
        return net.eval(), []
    optimiser = OPTIMISERS[recipe.optimiser](
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    batches = max(1, count // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, batches * recipe.epochs)
    curve = []
    for _ in range(recipe.epochs):
        net.train()
        total = 0.0
        # Whole batches: batch norm cannot use a last one of a single clip.
        for which in torch.randperm(count)[: batches * recipe.batch].chunk(batches):
            loss = F.cross_entropy(net(examples.features[which]), examples.labels[which])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / batches
        net.eval()
        curve.append({"loss": total})
        if held_out is not None:
            with torch.no_grad():
                for name, part in (("training", examples), ("held_out", held_out)):
                    curve[-1][name] = accuracy(net(part.features), part.labels)
    return net.eval(), curve


@torch.no_grad()
def least_squares(net: StateClassifier, examples: Examples, decay: float) -> None:
    """Fit a classifier without a hidden layer exactly, by ridge regression on 1 for a clip's class and 0 for the others
    (Hoerl and Kennard 1970): the least mean squared error plus `decay` times the squared weights.

    With ten times as many features as clips it names more held-out clips rightly than logistic regression. Solved for
    the clips, which are fewer (the dual form), in double precision.
    """
    x = net.standard(examples.features).double()
    y = F.one_hot(examples.labels, len(net.config.classes)).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    dual = torch.linalg.solve(x @ x.T + decay * len(x) * torch.eye(len(x), dtype=x.dtype), y - y_mean)
    weight = dual.T @ x
    net.net.weight.copy_(weight)
    net.net.bias.copy_(y_mean - weight @ x_mean)


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of clips [N] whose class gets the highest of its logits or scores [N, classes]."""
    return (logits.argmax(1) == labels).float().mean().item()


def cross_validate(
    examples: Examples, folds: Tensor, predictor: str, classes: list[str], recipe: ClassifierRecipe
) -> tuple[Tensor, Tensor]:
    """Logits [N, classes] and distance [N] of every clip, by a classifier fitted without its fold."""
    logits, distance = torch.empty(len(folds), len(classes)), torch.empty(len(folds))
    for fold in folds.unique():
        out = folds == fold
        net, _ = fit(examples.take(~out), predictor, classes, recipe, seed=int(fold))
        with torch.no_grad():
            logits[out], distance[out] = net(examples.features[out]), net.distance(examples.features[out])
    return logits, distance


class Calibration(NamedTuple):
    """How sure logits are: the arguments of `vp.models.classifier.calibrated`."""

    temperature: float
    soft_cap: float


def calibrate(logits: Tensor, labels: Tensor) -> Calibration:
    """The temperature and the cap with which the scores of logits are likeliest for the labels."""
    heat, cap = (torch.tensor(math.log(start), requires_grad=True) for start in (1.0, 10.0))
    optimiser = torch.optim.LBFGS([heat, cap], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.nll_loss(calibrated(logits, heat.exp(), cap.exp()).clamp_min(1e-30).log(), labels)
        loss.backward()
        return loss

    optimiser.step(closure)
    return Calibration(min(math.exp(heat.item()), HOTTEST), min(math.exp(cap.item()), HIGHEST))


def reliability(probabilities: Tensor, labels: Tensor, bins: int) -> list[dict]:
    """Mean score of the top class and share of right ones, in bins of equal width that hold a clip."""
    score, guess = probabilities.max(1)
    right, place = (guess == labels).float(), (score * bins).long().clamp(0, bins - 1)
    return [
        {"score": score[place == b].mean().item(), "accuracy": right[place == b].mean().item(), "clips": int(n)}
        for b, n in enumerate(torch.bincount(place, minlength=bins).tolist())
        if n
    ]


def calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    """Expected calibration error of the top class: mean distance of score and accuracy over 15 bins of equal width."""
    bins = reliability(probabilities, labels, bins=15)
    return sum(abs(b["score"] - b["accuracy"]) * b["clips"] for b in bins) / len(labels)


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
        **{f"{stream} alone": [cue.stream == stream for cue in cues] for stream in STREAMS},
        "what was matched alone": [cue.name == MATCHED for cue in cues],
        "what the memories move alone": [cue.name == MOVED for cue in cues],
        "the states alone": [cue.name in KERNELS for cue in cues],
        "all but the states": [cue.name not in KERNELS for cue in cues],
        "the features that the blocks read alone": [cue.name == FEATURES for cue in cues],
        "no memories: features and what was matched": [cue.name in (FEATURES, MATCHED) for cue in cues],
        **{f"{block} alone": [cue.block == block for cue in cues] for block in blocks},
    }
    return {name: torch.tensor(mask)[cue_of] for name, mask in parts.items() if any(mask)}
