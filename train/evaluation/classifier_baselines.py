"""The action classifier beside what it has to beat; `train.evaluate_classifier` says what that is."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from vp.action_classifier import SURE
from vp.checkpoints import open_checkpoints
from vp.models import ClassifierConfig
from vp.models.cues import cues_of

from ..classifier.features import prepare
from ..classifier.fitting import (
    FOLDS,
    Examples,
    calibration_error,
    cross_validate,
    fit,
    fold_of,
    load_examples,
    parts_of,
    temperature,
)
from ..classifier.recipe import ClassifierRecipe, load_classifier_recipe
from ..data.clip_files import ClipFile, find_data
from ..data.frame_cache import build
from . import image_features
from .scores import bootstrap

PROBES = {
    "imagenet_layer3": "ImageNet ResNet-18 layer3, frame mean, linear",
    "layer3": "this encoder's layer3, frame mean, linear",
    "layer4": "this encoder's layer4, frame mean, linear",
}
CONTROLS = {"single": "one frame", "untrained": "untrained memories, same matching"}
BINS = 10


class Evaluation:
    """Rows of a table, all on the same test clips."""

    def __init__(self, labels: Tensor, groups: np.ndarray) -> None:
        self.labels, self.groups = labels, groups
        self.rows: list[dict] = []

    def add(self, name: str, kind: str, guess: Tensor, *, error: float | None = None, features: int | None = None):
        """A method's guesses [N]."""
        right = (guess == self.labels).double().numpy()
        low, high = bootstrap(right, self.groups)
        row = {"name": name, "kind": kind, "accuracy": right.mean(), "low": low, "high": high}
        self.rows.append(row | {"calibration_error": error, "features": features})
        print(f"{name}: {right.mean():.1%} ({low:.1%} to {high:.1%})" + (f", ECE {error:.3f}" if error else ""))


def linear_probe(x: np.ndarray, y: np.ndarray, groups: np.ndarray):
    """Logistic regression on standardised features, its regularisation chosen by cross-validation over groups."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    grid = {"logisticregression__C": [0.0001, 0.001, 0.01, 0.1, 1.0]}
    return GridSearchCV(probe, grid, cv=GroupKFold(FOLDS)).fit(x, y, groups=groups)


def fitted(
    training: Examples, folds: Tensor | None, test: Examples, recipe: ClassifierRecipe, model: str, classes: list[str]
) -> tuple[Tensor, float, list[dict]]:
    """Fit a recipe as `train.fit_classifier` does: guesses on the test clips, calibration error, learning curve.

    folds: those of the training clips, by which the temperature is chosen; None for a temperature of 1.
    """
    heat = 1.0
    if folds is not None:
        logits, _ = cross_validate(training, folds, model, classes, recipe)
        heat = temperature(logits, training.labels)
    net, curve = fit(training, model, classes, recipe, held_out=test)
    with torch.no_grad():
        logits = net(test.features)
    return logits.argmax(1), calibration_error(torch.softmax(logits / heat, 1), test.labels), curve


def evaluate(args: argparse.Namespace) -> dict:
    """The report that the command line asks for; its schema is above."""
    source = open_checkpoints(args.checkpoints)
    net = source.load_classifier()
    args.model, classes, blocks = net.config.predictor, list(net.config.classes), net.config.blocks
    cues = cues_of(source.ladder(args.model), blocks)
    seen, folder = prepare(args, "train+validation", blocks)
    test, _ = prepare(args, "test", blocks)
    if unknown := sorted({c.label for c in test} - set(classes)):
        raise ValueError(f"the classifier does not know {', '.join(unknown[:5])}")
    groups = np.array([f"{c.label} {c.group}" for c in test])
    read = [load_examples(folder, clips, classes, "streams", cues) for clips in (seen, test)]
    labels, folds = read[1].labels, fold_of(seen)
    table = Evaluation(labels, groups)

    with torch.no_grad():
        probabilities = net.probabilities(read[1].features)
    guess = probabilities.argmax(1)
    error = calibration_error(probabilities, labels)
    table.add("the bundled classifier", "ours", guess, error=error, features=net.config.features)
    table.add("chance", "control", torch.full_like(labels, int(torch.bincount(read[0].labels).argmax())))
    table.rows[-1] |= {"accuracy": 1 / len(classes), "low": None, "high": None}

    known, curves = read[0].labels.numpy(), {}
    videos = np.array([f"{c.label} {c.group}" for c in seen])

    x, y = (examples.features.numpy() for examples in read)
    scale = StandardScaler().fit(x)
    nearest = NearestCentroid().fit(scale.transform(x), known)
    table.add("nearest mean of what it reads", "control", torch.from_numpy(nearest.predict(scale.transform(y))))
    pictures = [_pictures(args, source, clips, part) for clips, part in ((seen, "training"), (test, "test"))]
    for key, name in PROBES.items():
        x, y = (image_features.load(file, clips, key) for file, clips in zip(pictures, (seen, test), strict=True))
        guess_there = torch.from_numpy(linear_probe(x, known, videos).predict(y))
        table.add(name, "control", guess_there, features=x.shape[1])

    def scored(name: str, kind: str, recipe: ClassifierRecipe, examples: list[Examples]) -> None:
        # Five more fits of the paper's for a temperature that it does not have would take an hour.
        held_out = None if kind == "paper" else folds
        predictions, wrong, curve = fitted(examples[0], held_out, examples[1], recipe, args.model, classes)
        table.add(name, kind, predictions, error=wrong, features=examples[0].features.shape[1])
        if curve:
            curves[name] = curve

    ours = load_classifier_recipe("classifier").with_network(blocks=blocks)
    for name, some in parts_of(cues).items():
        scored(f"ours, {name}", "control", ours, [examples.reading(some) for examples in read])
    if args.controls:
        for what, name in CONTROLS.items():
            examples = [load_examples(folder, clips, classes, what, cues) for clips in (seen, test)]
            scored(f"ours, {name}", "control", ours, examples)
        paper, plain = (load_classifier_recipe(name) for name in ("paper_classifier", "paper_classifier_plain"))
        bare = "c4+subsample, no batch norm, no dropout"
        for name, recipe in ((s, paper.with_network(strategy=s)) for s in ("c4+subsample", "c4", "subsample")):
            examples = [load_examples(folder, clips, classes, recipe.strategy) for clips in (seen, test)]
            scored(f"the paper's recipe, {name}", "paper", recipe, examples)
        examples = [load_examples(folder, clips, classes, plain.strategy) for clips in (seen, test)]
        scored(f"the paper's recipe, {bare}", "paper", plain, examples)
    named = named_shares(*read, ours, net.config)
    matrix = confusion_matrix(labels.numpy(), guess.numpy(), labels=range(len(classes)))
    return {
        "clips": len(test),
        "classes": classes,
        "rows": table.rows,
        "confusion": matrix.tolist(),
        "per_class": {c: matrix[i, i] / max(1, matrix[i].sum()) for i, c in enumerate(classes)},
        "reliability": reliability(probabilities, labels),
        "named": named,
        "curves": curves,
    }


def _pictures(args: argparse.Namespace, source, clips: list[ClipFile], part: str) -> Path:
    digest = source.config(args.model)["encoder_sha256"][:12]
    file = args.features / f"pictures-{digest}-{part}.npz"
    if not file.exists():
        build(clips, args.cache, hub=find_data(args.data)[1])
        image_features.compute(source.load(args.model).encoder, clips, args.cache, file)
    return file


def reliability(probabilities: Tensor, labels: Tensor) -> list[dict]:
    """Mean score of the top class and share of right ones, in bins of equal width that hold a clip."""
    score, guess = probabilities.max(1)
    right, place = (guess == labels).float(), (score * BINS).long().clamp(0, BINS - 1)
    return [
        {"score": score[place == b].mean().item(), "accuracy": right[place == b].mean().item(), "clips": int(n)}
        for b, n in enumerate(torch.bincount(place, minlength=BINS).tolist())
        if n
    ]


@torch.no_grad()
def named_shares(
    training: Examples, test: Examples, recipe: ClassifierRecipe, known: ClassifierConfig
) -> dict[str, float] | None:
    """Shares of test clips that get a class named, by classifiers that miss a fifth of the classes. Each class is left
    out once; of an unknown action the page should name none (`vp.action_classifier`).

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
