"""Fit the action classifier to the states of a frozen predictor.

    python -m train.fit_classifier classifier --data DIR --checkpoints assets/checkpoints --model lvln

RECIPE is a name in `train/classifier_recipes/` or a YAML file. Features are computed once (`train.state_features`).
First every training clip is scored by a classifier that has seen no clip of its groups (5 folds): these scores set the
temperature, and how far a clip may lie from all others. Then one classifier is fitted to all of them and written into
`--out`/classifier, by default the folder of checkpoints. Classes are those of the folder: 24, 101 or any other.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vp.checkpoints import save_classifier
from vp.models import StateClassifier

from . import paper_features
from .arguments import told
from .classifier_recipe import ClassifierRecipe, load_classifier_recipe
from .predictor.run import OPTIMISERS
from .splits import ClipFile
from .state_features import add_arguments, load_features, prepare

FOLDS = 5
# Share of the held-out training clips that are to count as familiar.
FAMILIAR = 0.95
HOTTEST = 100.0


def labels_of(clips: list[ClipFile], classes: list[str]) -> Tensor:
    """Index of each clip's class [N]."""
    return torch.tensor([classes.index(clip.label) for clip in clips])


def fold_of(clips: list[ClipFile]) -> Tensor:
    """Fold of each clip [N]: a group, cut from one source video, lies in one."""
    return torch.tensor([clip.group % FOLDS for clip in clips])


@dataclass(frozen=True)
class Examples:
    """Clips to learn from: their features [N, F] and the indices of their classes [N]."""

    features: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Tensor) -> Examples:
        """Some of them, by index or mask."""
        return Examples(self.features[which], self.labels[which])


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
    accuracy on both sets."""
    torch.manual_seed(seed)
    net = StateClassifier(recipe.config(predictor, examples.features.shape[1], classes, len(examples)))
    net.set_standard(examples.features)
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
            loss = F.cross_entropy(net(batch.features), batch.labels, label_smoothing=recipe.label_smoothing)
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


def load_strategy(folder: Path, clips: list[ClipFile], strategy: str) -> Tensor:
    """The features [N, F] of clips that a strategy reads. Raises FileNotFoundError for a clip without features."""
    return torch.cat([load_features(folder, clips, name) for name in strategy.split("+")], dim=1)


def load_examples(folder: Path, clips: list[ClipFile], classes: list[str], strategy: str) -> Examples:
    """Clips as a strategy reads them; "single" for "pooled" of one frame. Raises as `load_strategy` does."""
    return Examples(load_strategy(folder, clips, strategy), labels_of(clips, classes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name in train/classifier_recipes/ or path of a .yaml file")
    add_arguments(parser)
    parser.add_argument("--out", type=Path, default=None, help="folder of checkpoints; default: --checkpoints")
    args = parser.parse_args()
    with told():
        run(args)


def run(args: argparse.Namespace) -> None:
    """Fit what the command line asks for."""
    if args.out is None and (args.checkpoints == "bundled" or "://" in args.checkpoints):
        raise SystemExit("say with --out into which folder of checkpoints the classifier is to be written")
    out = args.out or Path(args.checkpoints)
    if not (out / args.model).is_dir():
        raise SystemExit(f"{out} holds no {args.model}: a classifier lies beside the predictor that it reads")
    recipe = load_classifier_recipe(args.recipe)
    clips, folder = prepare(args, "train+validation", recipe.blocks)
    if recipe.strategy != "pooled":
        folder = paper_features.prepare(args, clips, recipe.blocks, folder)
    classes = sorted({clip.label for clip in clips})
    begin = time.monotonic()
    examples, folds = load_examples(folder, clips, classes, recipe.strategy), fold_of(clips)
    logits, strangeness = cross_validate(examples, folds, args.model, classes, recipe)
    heat = temperature(logits, examples.labels)
    held_out = {
        "accuracy": (logits.argmax(1) == examples.labels).float().mean().item(),
        "calibration_error": calibration_error(torch.softmax(logits / heat, 1), examples.labels),
    }
    print(f"{len(clips)} clips, {len(classes)} classes, {examples.features.shape[1]} features")
    print(f"held out: {held_out['accuracy']:.1%} right, calibration error {held_out['calibration_error']:.3f}")
    net, _ = fit(examples, args.model, classes, recipe)
    familiar = torch.quantile(strangeness, FAMILIAR).item() if net.config.remembered else None
    net.config = replace(net.config, temperature=heat, familiar=familiar)
    training = {"recipe": asdict(recipe), "clips": len(clips), "minutes": round((time.monotonic() - begin) / 60, 2)}
    if args.seconds is not None:
        training["seconds_of_each_clip"] = args.seconds
    save_classifier(out, net, training=training, scores={"held_out": held_out})
    print(f"written to {out / 'classifier'}: temperature {heat:.2f}, familiar up to {familiar}")


if __name__ == "__main__":
    main()
