"""Figures of the action classifier, from what `train.evaluate_classifier --json` wrote.

    python -m train.classifier_figures report.json FOLDER

PNG at 1600 pixels width, to be shown at 800.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .figures import ACCENT, DPI, FAINT, INK, MUTED, STYLE, WIDTH, head, redraw, spaced

CURVES = {
    "the paper's recipe, c4+subsample": ("batch norm and dropout", INK),
    "the paper's recipe, c4+subsample, no batch norm, no dropout": ("neither", MUTED),
}


def draw(report: dict, folder: Path) -> list[Path]:
    """Draw classifier.png, confusion.png, calibration.png and classifier_curves.png. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "classifier.png": accuracy_figure,
        "confusion.png": confusion_figure,
        "calibration.png": calibration_figure,
        "classifier_curves.png": curves_figure,
    }
    with matplotlib.rc_context(STYLE):
        for name, make in figures.items():
            make(report).savefig(folder / name, dpi=DPI, facecolor="white")
    return [folder / name for name in figures]


def accuracy_figure(report: dict) -> Figure:
    """Accuracy of every method with its interval, the best on top."""
    rows = sorted(report["rows"], key=lambda row: row["accuracy"])
    figure = Figure(figsize=(WIDTH, 1.1 + 0.3 * len(rows)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panel = figure.subplots()
    below = f"accuracy on {report['clips']} test clips, 95 % intervals over source videos"
    head(panel, f"Which of {len(report['classes'])} actions?", below)
    for y, row in enumerate(rows):
        colour = ACCENT if row["kind"] == "ours" else MUTED
        if row["low"] is not None:
            panel.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=3, alpha=0.3, solid_capstyle="round")
        panel.plot(row["accuracy"], y, "o", color=colour, markersize=6, zorder=3)
        panel.annotate(
            f"{row['accuracy']:.1%}", (1.02, y), xycoords=panel.get_yaxis_transform(), color=colour, size=9, va="center"
        )
    panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
    panel.tick_params(axis="y", labelcolor=INK, labelsize=8.5)
    panel.set_xlim(0, 1)
    panel.set_ylim(-0.6, len(rows) - 0.4)
    panel.spines["bottom"].set_visible(False)
    panel.grid(axis="x", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    return figure


def confusion_figure(report: dict) -> Figure:
    """What each class was taken for: shares of the clips of a true class, by row."""
    counts = np.array(report["confusion"], dtype=float)
    share = counts / counts.sum(1, keepdims=True).clip(1)
    names = [spaced(name) for name in report["classes"]]
    figure = Figure(figsize=(WIDTH, 1.2 + WIDTH * 0.8), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panel = figure.subplots()
    head(panel, "What is taken for what", "rows: true class; columns: the classifier's; share of the row in %")
    map_ = matplotlib.colors.LinearSegmentedColormap.from_list("accent", ["white", ACCENT, INK])
    panel.imshow(share, cmap=map_, vmin=0, vmax=1.2, aspect="auto")
    few = len(names) <= 30  # 101 classes have no room for numbers
    for i, j in zip(*np.nonzero(share >= 0.045), strict=True):
        if few:
            colour = "white" if share[i, j] > 0.55 else INK
            panel.text(j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", size=6.5, color=colour)
    size = 8 if few else 4
    panel.set_xticks(range(len(names)), names, rotation=90, size=size)
    panel.set_yticks(range(len(names)), names, size=size)
    panel.tick_params(colors=INK)
    panel.spines["bottom"].set_visible(False)
    return figure


def calibration_figure(report: dict) -> Figure:
    """Share of right answers against the score given."""
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panel = figure.subplots()
    ours = next(row for row in report["rows"] if row["kind"] == "ours")
    below = f"expected calibration error {ours['calibration_error']:.3f}; area of a dot: number of clips"
    head(panel, "Does a score of 80 % mean 80 %?", below)
    panel.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    bins = report["reliability"]
    x, y = [b["score"] for b in bins], [b["accuracy"] for b in bins]
    panel.plot(x, y, color=ACCENT, linewidth=1.6)
    panel.scatter(x, y, s=[12 + 500 * b["clips"] / report["clips"] for b in bins], color=ACCENT, zorder=3)
    panel.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="score of the top class", ylabel="right")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:.0%}")
    panel.grid(color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    return figure


def curves_figure(report: dict) -> Figure:
    """The paper's recipe with and without batch norm and dropout, epoch by epoch (its Fig. 10)."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, key, title in zip(panels, ("training", "held_out"), ("training clips", "test clips"), strict=True):
        head(panel, title, "accuracy after each epoch")
        for name, (label, colour) in CURVES.items():
            values = [point[key] for point in report["curves"][name]]
            panel.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.8, label=label)
        panel.set_xlabel("epoch")
        panel.grid(axis="y", color=FAINT, linewidth=0.8)
        panel.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
    panels[1].legend(frameon=False, loc="center right", labelcolor=INK)
    return figure


def main() -> None:
    redraw(draw, __doc__, "train.evaluate_classifier")


if __name__ == "__main__":
    main()
