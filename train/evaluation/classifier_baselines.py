"""The action classifier beside what it has to beat; `train.evaluate_classifier` says what that is."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

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
from vp.models.classifier_inputs import Cue, cues_of

from ..classifier.classifier_recipe import ClassifierRecipe, load_classifier_recipe
from ..classifier.features import prepare
from ..classifier.fitting import (
    Examples,
    calibrate,
    calibration_error,
    cross_validate,
    fit,
    fold_of,
    load_examples,
    parts_of,
    reliability,
)
from . import image_features
from .scores import bootstrap

PROBES = {
    "imagenet_layer3": "ImageNet ResNet-18 layer3, frame mean, linear",
    "layer3": "this encoder's layer3, frame mean, linear",
    "layer4": "this encoder's layer4, frame mean, linear",
}
CONTROLS = {"single": "one frame", "untrained": "untrained memories, same matching"}
FOLDS = 5  # of a probe, and of the classes that are left out


def evaluate(args: argparse.Namespace) -> dict:
    """The report that the command line asks for; its schema is that of `train.evaluate_classifier`."""
    source = open_checkpoints(args.checkpoints)
    net = source.load_classifier()
    args.model, classes, blocks = net.config.predictor, list(net.config.classes), net.config.blocks
    cues = cues_of(source.ladder(args.model), blocks)
    seen, folder = prepare(args, "train+validation", blocks)
    test, _ = prepare(args, "test", blocks)
    if unknown := sorted({c.label for c in test} - set(classes)):
        raise ValueError(f"the classifier does not know {', '.join(unknown[:5])}")

    def load(what: str, cues: list[Cue] | None = None) -> list[Examples]:
        """The training and the test clips as some features tell them."""
        return [load_examples(folder, clips, classes, what, cues) for clips in (seen, test)]

    read = load("streams", cues)
    known, labels = (examples.labels for examples in read)
    videos, test_videos = (np.array([f"{c.label} {c.group}" for c in clips]) for clips in (seen, test))
    rows: list[dict] = []

    def add(name: str, kind: str, guess: Tensor, *, error: float | None = None, features: int | None = None) -> None:
        """A row of the table: a method's guesses [N]."""
        right = (guess == labels).double().numpy()
        low, high = bootstrap(right, test_videos)
        row = {"name": name, "kind": kind, "accuracy": right.mean(), "low": low, "high": high}
        rows.append(row | {"calibration_error": error, "features": features})
        print(f"{name}: {right.mean():.1%} ({low:.1%} to {high:.1%})" + (f", ECE {error:.3f}" if error else ""))

    with torch.no_grad():
        probabilities = net.probabilities(read[1].features)
    guess = probabilities.argmax(1)
    error = calibration_error(probabilities, labels)
    add("the bundled classifier", "ours", guess, error=error, features=net.config.features)
    unmeasured = dict.fromkeys(("low", "high", "calibration_error", "features"))
    rows.append({"name": "chance", "kind": "control", "accuracy": 1 / len(classes), **unmeasured})
    nearest = make_pipeline(StandardScaler(), NearestCentroid()).fit(read[0].features.numpy(), known.numpy())
    add("nearest mean of what it reads", "control", torch.from_numpy(nearest.predict(read[1].features.numpy())))
    pictures = [image_features.load(args, source, clips, part) for clips, part in ((seen, "training"), (test, "test"))]
    # Regularised as does best in cross-validation over groups.
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    probe = GridSearchCV(probe, {"logisticregression__C": [0.0001, 0.001, 0.01, 0.1, 1.0]}, cv=GroupKFold(FOLDS))
    for key, name in PROBES.items():
        x, y = (features[key] for features in pictures)
        probe.fit(x, known.numpy(), groups=videos)
        add(name, "control", torch.from_numpy(probe.predict(y)), features=x.shape[1])

    ours = load_classifier_recipe("classifier").with_network(blocks=blocks)
    less = ours.with_network(directions=0)  # nothing needs to be familiar here
    # (name, kind, recipe, examples) of what is fitted like ours.
    fits = [
        (f"ours, {name}", "control", less, [examples.reading(mask) for examples in read])
        for name, mask in parts_of(cues).items()
    ]
    if args.controls:
        fits += [(f"ours, {name}", "control", less, load(what, cues)) for what, name in CONTROLS.items()]
        paper, plain = (load_classifier_recipe(name) for name in ("paper_classifier", "paper_classifier_plain"))
        papers = {what: paper.with_network(strategy=what) for what in ("c4+subsample", "c4", "subsample")}
        papers["c4+subsample, no batch norm, no dropout"] = plain
        fits += [(f"the paper's recipe, {n}", "paper", r, load(r.network["strategy"])) for n, r in papers.items()]
    curves, folds = {}, fold_of(seen)
    for name, kind, recipe, (shown, tested) in fits:
        fitted, curve = fit(shown, args.model, classes, recipe, held_out=tested)
        # Fits of the paper's without each group, for a calibration that it does not have, would take an hour.
        if kind != "paper":
            logits, _ = cross_validate(shown, folds, args.model, classes, recipe)
            fitted.config = replace(fitted.config, **calibrate(logits, known)._asdict())
        with torch.no_grad():
            scores = fitted.probabilities(tested.features)
        error = calibration_error(scores, labels)
        add(name, kind, scores.argmax(1), error=error, features=shown.features.shape[1])
        if curve:
            curves[name] = curve
    matrix = confusion_matrix(labels.numpy(), guess.numpy(), labels=range(len(classes)))
    return {
        "clips": len(test),
        "classes": classes,
        "rows": rows,
        "confusion": matrix.tolist(),
        "per_class": {c: matrix[i, i] / max(1, matrix[i].sum()) for i, c in enumerate(classes)},
        "reliability": reliability(probabilities, labels, bins=10),
        "named": named_shares(*read, ours, net.config),
        "curves": curves,
    }


def named_shares(
    training: Examples, test: Examples, recipe: ClassifierRecipe, known: ClassifierConfig
) -> dict[str, float] | None:
    """Shares of test clips that get a class named, by classifiers that miss a fifth of the classes. Each class is left
    out once; of an unknown action the page should name none (`vp.action_classifier`).

    known: the configuration of the whole classifier, whose calibration and bound of what is familiar are used.
    Returns {"known": of the clips of classes that it was shown, "right": of these named ones, those named rightly,
    "unknown": of the clips of classes left out}; None where there are too few classes to leave one out.
    """
    if len(known.classes) < 3:
        return None
    limit = math.inf if known.familiar is None else known.familiar
    named, right, unknown = [], [], []
    for first in range(min(FOLDS, len(known.classes))):
        out = torch.zeros(len(known.classes), dtype=torch.bool)
        out[first::FOLDS] = True
        kept = [name for name, left in zip(known.classes, out, strict=True) if not left]
        place = torch.where(out, -1, (~out).cumsum(0) - 1)  # of each class in `kept`
        shown = training.take(~out[training.labels])
        net, _ = fit(replace(shown, labels=place[shown.labels]), known.predictor, kept, recipe, seed=first)
        net.config = replace(net.config, temperature=known.temperature, soft_cap=known.soft_cap)
        with torch.no_grad():
            score, guess = net.probabilities(test.features).max(1)
            named.append((score >= SURE) & (net.distance(test.features) <= limit))
        right.append(guess == place[test.labels])
        unknown.append(out[test.labels])
    named, right, unknown = torch.cat(named), torch.cat(right), torch.cat(unknown)
    counted = {"known": named[~unknown], "right": right[named & ~unknown], "unknown": named[unknown]}
    return {key: those.float().mean().item() if len(those) else 0.0 for key, those in counted.items()}
