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
from pathlib import Path

from train.curves import COLOURS, INK, MUTED, read_log

GOAL = 0.1


def losses(run: Path) -> list[tuple[int, float]]:
    """(step, training loss) from a run's TensorBoard log."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    if "train/loss" not in log.Tags()["scalars"]:
        raise SystemExit(f"{run} has no training loss in its log yet")
    return [(event.step, event.value) for event in log.Scalars("train/loss")]


def below(logged: list[tuple[int, float]], bar: float) -> int | None:
    """The step from which on the loss stays below the bar; None if it ends above."""
    first = None
    for step, value in logged:
        if value >= bar:
            first = None
        elif first is None:
            first = step
    return first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 10, "svg.fonttype": "none", "axes.edgecolor": MUTED, "text.color": INK})
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for run, colour in zip(args.runs, COLOURS * len(args.runs), strict=False):
        logged = losses(run)
        steps, values = zip(*logged, strict=True)
        scored, gains = zip(*[(row["step"], row["gain_1"]) for row in read_log(run)], strict=True)
        print(
            f"{run.name}: loss {values[-1]:.3f} after {steps[-1]} steps, below {GOAL} from step {below(logged, GOAL)};"
            f" gain {gains[-1]:+.2f} dB"
        )
        name = run.name.removeprefix("subset_") + " clips" if run.name.startswith("subset_") else run.name
        left.plot(steps, values, color=colour, linewidth=2, label=f"{name}: {values[-1]:.2f}")
        right.plot(
            scored, gains, color=colour, linewidth=2, marker="o", markersize=4, label=f"{name}: {gains[-1]:+.1f}"
        )
    for ax, bar, name in ((left, GOAL, "the paper's bar"), (right, 0.0, "repeating the last frame")):
        ax.axhline(bar, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        ax.annotate(name, (1, bar), xycoords=("axes fraction", "data"), xytext=(-2, 4),
                    textcoords="offset points", ha="right", color=MUTED)  # fmt: skip
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=MUTED, labelcolor=INK)
        ax.set_xlabel("training steps", color=INK)
        ax.set_xlim(left=0)
        ax.legend(frameon=False, labelcolor="linecolor")
    left.set_ylim(bottom=0)
    right.margins(y=0.12)
    left.set_title("Training loss", loc="left", fontweight="bold", fontsize=11)
    right.set_title("Next frame of the clips that were learned: gain, dB", loc="left", fontweight="bold", fontsize=11)
    args.figure.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(args.figure, dpi=160)
    plt.close(fig)


if __name__ == "__main__":
    main()
