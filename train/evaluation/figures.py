"""Figures of the reports of `train.evaluate` and `train.evaluate_classifier`: PNG, 1600 pixels wide, shown at 800."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from vp.models import TITLES

ACCENT = "#ff7a33"  # predicted
INK, MUTED, FAINT = "#20242b", "#7c838d", "#e4e6ea"
COLOURS = (ACCENT, "#3b6fd4", "#2a9d8f", "#8e5bd0", "#b08900", "#c43e6a")  # of runs that are compared
MARKERS = ("o", "s", "D")  # tells predictors of one panel apart: all of them are orange
WIDTH, DPI = 8.0, 200  # inches, pixels per inch
STYLE = {
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure everywhere
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": FAINT,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
}
FLOWS = {"constant_velocity": "o", "tuned_flow": "s"}  # and their markers
PERCENT = PercentFormatter(1, decimals=0)
CURVES = {
    "the paper's recipe, c4+subsample": ("batch norm and dropout", INK),
    "the paper's recipe, c4+subsample, no batch norm, no dropout": ("neither", MUTED),
}


def draw(report: dict, folder: Path) -> list[Path]:
    """Draw a report into a folder: gain.png of predictors; classifier.png, confusion.png, calibration.png and
    classifier_curves.png of a classifier. Returns the files."""
    if "groups" in report:
        figures = {"gain": gain_figure}
    else:
        figures = {"classifier": accuracy_figure, "confusion": confusion_figure, "calibration": calibration_figure}
        if report["curves"]:  # of the paper's recipe
            figures["classifier_curves"] = curves_figure
    with matplotlib.rc_context(STYLE):
        return [save(make(report), folder / f"{name}.png") for name, make in figures.items()]


def sheet(height: float) -> Figure:
    """An empty figure of the common width; height in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as .png (or .svg); returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, facecolor="white")
    return path


def head(panel: Axes, title: str, below: str) -> None:
    """A panel's title and a line under it that says what is shown."""
    panel.set_title(title, pad=11 + 11 * len(below.splitlines()))
    place = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, 7), "textcoords": "offset points"}
    panel.annotate(below, **place, size=8.5, color=MUTED, linespacing=1.3)


def gain_figure(report: dict) -> Figure:
    """PSNR gain over the last frame repeated at each step with 95 % intervals, one panel for each frame size."""
    figure, horizon = sheet(4), report["horizon"]
    panels = figure.subplots(1, len(report["groups"]), sharey=True, squeeze=False)[0]
    for panel, group in zip(panels, report["groups"], strict=True):
        height, width = group["size"]
        # The oracle is four times as far from zero as all others: on their scale it is a remark, not a line.
        oracle = " / ".join(f"{gain:+.1f}" for gain in group["methods"]["flow_oracle"]["gain"]["mean"])
        below = f"95 % intervals over {group['clips']} clips\nflow that knows the truth: {oracle} dB"
        head(panel, f"{height}×{width}, {group['seen']} frames seen", below)
        panel.axhline(0, color=INK, linewidth=1, label="repeated")
        predictors = [method for method in group["methods"] if method in TITLES]
        lines = [(method, MUTED, marker) for method, marker in FLOWS.items() if method in group["methods"]]
        lines += [(name, ACCENT, marker) for name, marker in zip(predictors, MARKERS, strict=False)]
        for i, (method, colour, marker) in enumerate(lines):
            gain = group["methods"][method]["gain"]
            # Beside each other, so that intervals do not cover one another.
            x = [k + 1 + 0.07 * (i - (len(lines) - 1) / 2) for k in range(horizon)]
            panel.vlines(x, gain["low"], gain["high"], color=colour, linewidth=2, alpha=0.35)
            look = {"marker": marker, "markersize": 5.5, "markerfacecolor": colour if marker == MARKERS[0] else "white"}
            label = TITLES.get(method, method.replace("_", " "))
            panel.plot(x, gain["mean"], color=colour, linewidth=1.6, label=label, **look)
        panel.set_xticks(range(1, horizon + 1), [f"step {k + 1}" for k in range(horizon)])
        panel.spines["bottom"].set_visible(False)
        panel.grid(axis="y", color=FAINT, linewidth=0.8)
        # Below, where no line runs. Not "linecolor", which takes the white of some markers.
        colours = [INK, *(colour for _, colour, _ in lines)]
        panel.legend(
            frameon=False, labelcolor=colours, fontsize=9, loc="upper left", bbox_to_anchor=(-0.02, -0.1), ncols=2
        )
    panels[0].set_ylabel("PSNR gain over repeating, dB")
    return figure


def accuracy_figure(report: dict) -> Figure:
    """Accuracy of every method with its interval, the best on top."""
    rows = sorted(report["rows"], key=lambda row: row["accuracy"])
    figure = sheet(1.1 + 0.3 * len(rows))
    panel = figure.subplots()
    below = f"accuracy on {report['clips']} test clips, 95 % intervals over source videos"
    head(panel, f"Which of {len(report['classes'])} actions?", below)
    for y, row in enumerate(rows):
        colour = ACCENT if row["kind"] == "ours" else MUTED
        if row["low"] is not None:
            panel.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=3, alpha=0.3, solid_capstyle="round")
        panel.plot(row["accuracy"], y, "o", color=colour, markersize=6, zorder=3)
        beside = panel.get_yaxis_transform()
        panel.text(1.02, y, f"{row['accuracy']:.1%}", transform=beside, color=colour, size=9, va="center")
    panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
    panel.tick_params(axis="y", labelcolor=INK, labelsize=8.5)
    panel.set_xlim(0, 1)
    panel.set_ylim(-0.6, len(rows) - 0.4)
    panel.spines["bottom"].set_visible(False)
    panel.grid(axis="x", color=FAINT, linewidth=0.8)
    panel.xaxis.set_major_formatter(PERCENT)
    return figure


def confusion_figure(report: dict) -> Figure:
    """What each class was taken for: shares of the clips of a true class, by row."""
    counts = np.array(report["confusion"], dtype=float)
    share = counts / counts.sum(1, keepdims=True).clip(1)
    # "BabyCrawling" -> "Baby Crawling", but YoYo stays.
    names = [re.sub(r"(?<=[a-z])(?=[A-Z][a-z]{2})", " ", name) for name in report["classes"]]
    figure = sheet(1.2 + WIDTH * 0.8)
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
    figure = sheet(3.6)
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
    panel.xaxis.set_major_formatter(PERCENT)
    panel.yaxis.set_major_formatter(PERCENT)
    panel.grid(color=FAINT, linewidth=0.8)
    return figure


def curves_figure(report: dict) -> Figure:
    """The paper's recipe with and without batch norm and dropout, epoch by epoch (its Fig. 10)."""
    figure = sheet(3.4)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, key, title in zip(panels, ("training", "held_out"), ("training clips", "test clips"), strict=True):
        head(panel, title, "accuracy after each epoch")
        for name, (label, colour) in CURVES.items():
            values = [point[key] for point in report["curves"][name]]
            panel.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.8, label=label)
        panel.set_xlabel("epoch")
        panel.grid(axis="y", color=FAINT, linewidth=0.8)
        panel.yaxis.set_major_formatter(PERCENT)
    panels[1].legend(frameon=False, loc="center right", labelcolor=INK)
    return figure
