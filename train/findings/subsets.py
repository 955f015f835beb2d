"""Training loss on 5, 20 and 40 clips (paper section 4: below 0.1 the motion is predicted).

for n in 5 20 40; do python -m train.fit_predictor subset_$n --data UCF-101 --out runs/subset_$n; done
python -m train.findings.subsets runs/subset_5 runs/subset_20 runs/subset_40 --figure assets/figures/subsets.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .panels import ACCENT, INK, MUTED

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

    plt.rcParams.update({"font.size": 11, "svg.fonttype": "none", "axes.edgecolor": MUTED, "text.color": INK})
    fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    ax.axhline(GOAL, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.annotate("the paper's bar", (1, GOAL), xycoords=("axes fraction", "data"), xytext=(-4, 4),
                textcoords="offset points", ha="right", color=MUTED)  # fmt: skip
    for run, colour in zip(args.runs, [ACCENT, "#3b6fd4", "#2a9d8f"] * len(args.runs), strict=False):
        logged = losses(run)
        steps, values = zip(*logged, strict=True)
        print(
            f"{run.name}: loss {values[-1]:.3f} after {steps[-1]} steps, below {GOAL} from step {below(logged, GOAL)}"
        )
        ax.plot(steps, values, color=colour, linewidth=2)
        ax.annotate(f"{run.name.replace('_', ' ')}: {values[-1]:.2f}", (steps[-1], values[-1]), xytext=(6, 0),
                    textcoords="offset points", va="center", color=colour, fontweight="bold")  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=MUTED, labelcolor=INK)
    ax.set(xlabel="training steps", ylabel="training loss", yscale="log")
    ax.margins(x=0.16)
    ax.set_xlim(left=0)
    args.figure.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(args.figure, dpi=160)
    plt.close(fig)


if __name__ == "__main__":
    main()
