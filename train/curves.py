"""Learning curves of runs, as a picture: gain over repeating the last frame against training time.

python -m train.curves runs/one_frame runs/lvln --figure assets/figures/curves.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

INK, MUTED, ACCENT = "#1d1d1f", "#8a8a8e", "#ff7a33"
COLOURS = (ACCENT, "#3b6fd4", "#2a9d8f", "#8e5bd0", "#b08900", "#c43e6a")


def read_log(run: Path) -> list[dict]:
    """The scores that a run wrote while it trained, in their order: step, seconds, clips, gain, gain_1, ...

    A run that was killed and went on from an earlier checkpoint wrote some of them twice: the later ones count.
    """
    rows: list[dict] = []
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append(row)
    return rows


def draw(runs: dict[str, list[tuple[float, float]]], figure: Path, *, title: str) -> None:
    """runs: {name: [(minutes, gain in dB)]}, each named with its last gain; figure: .svg or .png."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 11, "svg.fonttype": "none", "axes.edgecolor": MUTED, "text.color": INK})
    fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    ax.axhline(0, color=MUTED, linewidth=1)
    ax.annotate("repeating the last frame", (1, 0), xycoords=("axes fraction", "data"), xytext=(-4, 4),
                textcoords="offset points", ha="right", color=MUTED)  # fmt: skip
    for (name, points), colour in zip(runs.items(), COLOURS * len(runs), strict=False):
        x, y = zip(*points, strict=True)
        ax.plot(x, y, color=colour, linewidth=2, marker="o", markersize=3.5, label=f"{name} {y[-1]:+.2f}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=MUTED, labelcolor=INK)
    ax.set_xlabel("minutes of training")
    ax.set_ylabel("gain, dB")
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold")
    # Outside: names at the ends of lines that end alike would cover each other.
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, labelcolor="linecolor")
    ax.set_xlim(left=0)
    figure.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(figure, dpi=160)
    plt.close(fig)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    parser.add_argument("--figure", type=Path, required=True, help=".svg or .png to write")
    parser.add_argument("--score", default="gain", help="gain (mean of the steps), gain_1, gain_2, gain_3")
    args = parser.parse_args()
    runs = {}
    for run in args.runs:
        points = [(row["seconds"] / 60, row[args.score]) for row in read_log(run)]
        if points:
            runs[run.name] = points
    if not runs:
        raise SystemExit("no scores yet in " + ", ".join(map(str, args.runs)))
    step = "mean of three steps" if args.score == "gain" else f"step {args.score[-1]}"
    draw(runs, args.figure, title=f"Gain over repeating the last frame, {step}, validation clips")


if __name__ == "__main__":
    main()
