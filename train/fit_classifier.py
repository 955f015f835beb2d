"""Fit the action classifier to what the memories of a frozen predictor see and move.

    python -m train.fit_classifier classifier --data DIR --checkpoints assets/checkpoints --model lvln

RECIPE is a name in `train/classifier/recipes/` or a YAML file. Features are computed once
(`train.classifier.features`); the paper's own recipe is fitted by `train.evaluate_classifier`. First every training
clip is scored by a classifier that has seen no clip of its group: these scores set the calibration, and
how far a clip may lie from all others. Then one classifier is fitted to all of them and written into
`--out`/classifier, by default the folder of checkpoints. Classes are those of the folder: 24, 101 or any other.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from vp.checkpoints import open_checkpoints, save_classifier
from vp.models.classifier import calibrated
from vp.models.classifier_inputs import STREAMS_STRATEGY, cues_of

from .arguments import errors_in_one_line
from .classifier.classifier_recipe import load_classifier_recipe
from .classifier.features import add_arguments, prepare
from .classifier.fitting import accuracy, calibrate, calibration_error, cross_validate, fit, fold_of, load_examples

FAMILIAR = 0.95  # share of the held-out training clips that are to count as familiar


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of a recipe or path of a .yaml file")
    add_arguments(parser)
    parser.add_argument("--out", type=Path, default=None, help="folder of checkpoints; default: --checkpoints")
    args = parser.parse_args()
    if args.out is None and (args.checkpoints == "bundled" or "://" in args.checkpoints):
        raise ValueError("say with --out into which folder of checkpoints the classifier is to be written")
    out = args.out or Path(args.checkpoints)
    if not (out / args.model).is_dir():
        raise ValueError(f"{out} holds no {args.model}: a classifier lies beside the predictor that it reads")
    recipe = load_classifier_recipe(args.recipe)
    if (strategy := recipe.network["strategy"]) != STREAMS_STRATEGY:
        raise ValueError(
            f"{args.recipe} is of the strategy {strategy!r}, which says nothing of what speaks for a class: the "
            "page shows classifiers of the strategy 'streams' only"
        )
    clips, folder = prepare(args, "train+validation", recipe.blocks)
    cues = cues_of(open_checkpoints(args.checkpoints).ladder(args.model), recipe.blocks)
    classes = sorted({clip.label for clip in clips})
    begin = time.monotonic()
    examples, folds = load_examples(folder, clips, classes, STREAMS_STRATEGY, cues), fold_of(clips)
    logits, distance = cross_validate(examples, folds, args.model, classes, recipe)
    calibration = calibrate(logits, examples.labels)
    right = accuracy(logits, examples.labels)
    error = calibration_error(calibrated(logits, *calibration), examples.labels)
    print(f"{len(clips)} clips, {len(classes)} classes, {examples.features.shape[1]} features")
    print(f"held out: {right:.1%} right, calibration error {error:.3f}")
    net, _ = fit(examples, args.model, classes, recipe)
    familiar = torch.quantile(distance, FAMILIAR).item() if net.config.remembered else None
    net.config = replace(net.config, familiar=familiar, **calibration._asdict())
    training = {"recipe": asdict(recipe), "clips": len(clips), "minutes": round((time.monotonic() - begin) / 60, 2)}
    save_classifier(out, net, training=training, scores={"held_out": {"accuracy": right, "calibration_error": error}})
    print(f"written to {out / 'classifier'}: {calibration}, familiar up to {familiar}")


if __name__ == "__main__":
    main()
