"""Training loss on 5, 20 and 40 clips (paper section 4), and what it says of the motion.

for n in 5 20 40; do
  python -m train.fit_predictor subset_$n --data UCF-101 --out runs/subset_$n --log-every 10
done
python -m train.findings.subsets runs/subset_5 runs/subset_20 runs/subset_40 --figure assets/figures/subsets.png

The paper takes a loss below 0.1 for a sign that motion is predicted. Beside it stands what decides that: PSNR of the
next frame on the very clips that were learned, against repeating the last frame.
"""

from __future__ import annotations

import argparse

import matplotlib

from ..arguments import errors_in_one_line
from ..evaluation.figures import COLOURS, MUTED, STYLE, save, sheet
from .runs import add_run_arguments, logged

GOAL = 0.1


def below(logged: list[tuple[int, float]], bar: float) -> int | None:
    """The step from which on the loss stays below the bar; None if it ends above."""
    first = None
    for step, value in reversed(logged):
        if value >= bar:
            break
        first = step
    return first


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser)
    args = parser.parse_args()
    with matplotlib.rc_context(STYLE):
        figure = sheet(3.4)
        left, right = figure.subplots(1, 2)
        for run, colour in zip(args.runs, COLOURS * len(args.runs), strict=False):
            loss, gain = logged(run, "train/loss"), logged(run, "validation/gain_1")
            last = f"loss {loss[-1][1]:.3f} after {loss[-1][0]} steps, below {GOAL} from step {below(loss, GOAL)}"
            print(f"{run.name}: {last}; gain {gain[-1][1]:+.2f} dB")
            name = run.name.removeprefix("subset_") + " clips" if run.name.startswith("subset_") else run.name
            left.plot(*zip(*loss, strict=True), color=colour, linewidth=2, label=f"{name}: {loss[-1][1]:.2f}")
            more = {"marker": "o", "markersize": 4, "label": f"{name}: {gain[-1][1]:+.1f}"}
            right.plot(*zip(*gain, strict=True), color=colour, linewidth=2, **more)
        for panel, bar, words in ((left, GOAL, "the paper's bar"), (right, 0.0, "repeating the last frame")):
            panel.axhline(bar, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
            place = {"xycoords": ("axes fraction", "data"), "xytext": (-2, 4), "textcoords": "offset points"}
            panel.annotate(words, (1, bar), ha="right", color=MUTED, **place)
            panel.set(xlabel="training steps")
            panel.set_xlim(left=0)
            panel.legend(frameon=False, labelcolor="linecolor")
        left.set_ylim(bottom=0)
        right.margins(y=0.12)
        left.set_title("Training loss")
        right.set_title("Next frame of the clips learned: gain, dB")
        save(figure, args.figure)


if __name__ == "__main__":
    main()
