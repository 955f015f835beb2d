"""What each cue of the action classifier is worth, and how much its weights should decay, on held-out training clips.

    python -m train.findings.cue_accuracy --data DIR --checkpoints DIR --model lvln

Accuracy by cross-validation over groups of the training part of the split. It reads the features that
`train.fit_classifier` computed and computes what is missing. No test clip is looked at.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from vp.checkpoints import open_checkpoints
from vp.models.classifier_inputs import cues_of

from ..arguments import errors_in_one_line
from ..classifier.classifier_recipe import load_classifier_recipe
from ..classifier.features import add_arguments, prepare
from ..classifier.fitting import accuracy, cross_validate, fold_of, load_examples, parts_of

DECAYS = (0.00001, 0.0001, 0.001, 0.01)


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    args = parser.parse_args()
    recipe = load_classifier_recipe("classifier")
    clips, folder = prepare(args, "train+validation", recipe.blocks)
    cues = cues_of(open_checkpoints(args.checkpoints).ladder(args.model), recipe.blocks)
    classes = sorted({clip.label for clip in clips})
    examples, folds = load_examples(folder, clips, classes, "streams", cues), fold_of(clips)
    print("| | " + " | ".join(f"decay {decay:g}" for decay in DECAYS) + " |\n" + "|---" * (1 + len(DECAYS)) + "|")
    for name, mask in {"all": torch.ones_like(examples.cues, dtype=torch.bool), **parts_of(cues)}.items():
        row = []
        for decay in DECAYS:
            # Nothing needs to be familiar here: without its directions a fit takes seconds.
            tried = replace(recipe.with_network(directions=0), weight_decay=decay)
            logits, _ = cross_validate(examples.reading(mask), folds, args.model, classes, tried)
            row.append(accuracy(logits, examples.labels))
        print(f"| {name} | " + " | ".join(f"{share:.1%}" for share in row) + " |", flush=True)


if __name__ == "__main__":
    main()
