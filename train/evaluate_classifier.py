"""Score the action classifier on clips it has never seen, beside what it has to beat.

    python -m train.evaluate_classifier --data DIR --checkpoints bundled

The test clips of split 1, each watched as a whole at 10 frames a second. Beside the classifier of the checkpoints, on
the same clips and fitted to the same training clips:

    chance, nearest mean        no learning, hardly any
    pictures                    a linear probe on a ResNet-18's features averaged over frames: no memory at all
    the paper's recipe          C4 and every 128th number of C1 to C3 after the last frame (section 5); blocks that the
                                classifier does not read are shown the last second only
    ours on less                one stream, one block, what the blocks read or the states alone, one frame in the middle
    ours on untrained memories  of the same encoder and matching, which move nothing

Accuracy is of clips, with 95 % bootstrap intervals over groups (clips of a group come from one video). Calibration
error is the expected one over 15 bins, after the calibration that held-out training clips chose; the paper has none.
Last, what classifiers say of actions that they were never shown (`named_shares` of `evaluation.classifier_baselines`).

--json writes
    {"clips", "classes",
     "rows": [{"name", "kind", "accuracy", "low", "high", "calibration_error", "features"}],
     "confusion": [[...]], the true class by row, "per_class": {CLASS: accuracy},
     "reliability": [{"score", "accuracy", "clips"}],
     "named": {"known", "right", "unknown"}, shares of clips, or null
     "curves": {NAME: [{"loss", "training", "held_out"}]}, of the paper's, a point an epoch, held out: the test clips}
"""

from __future__ import annotations

import argparse

from .arguments import errors_in_one_line
from .classifier.features import add_arguments
from .evaluation.classifier_baselines import evaluate
from .evaluation.reports import add_report_arguments, classifier_markdown, leave


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    add_report_arguments(parser)
    args = parser.parse_args()
    report = evaluate(args)
    print(classifier_markdown(report))
    leave(report, args)


if __name__ == "__main__":
    main()
