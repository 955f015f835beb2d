"""Figures of an evaluation: gain per step, and gain per class.

Drawn from the numbers that `train.evaluate --json` wrote, so that they can be drawn again:

    python -m train.figures scores.json FOLDER

PNG at 1600 pixels width, to be shown at 800.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vp.models import TITLES

ACCENT = "#ff7a33"  # predicted, as on the page
INK, MUTED, FAINT = "#20242b", "#7c838d", "#e4e6ea"
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
}
BASELINES = ("copy_last", "constant_velocity", "tuned_flow", "flow_oracle")
FLOWS = {"constant_velocity": "o", "tuned_flow": "s"}  # and their markers


def draw(report: dict, folder: Path) -> list[Path]:
    """Draw a report of `train.evaluate` into a folder: gain.png and a classes_NAME.png for each predictor.

    Returns the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        figures = {"gain.png": gain_figure(report)}
        for group in report["groups"]:
            for name in _predictors(group):
                figures[f"classes_{name}.png"] = class_figure(group, name, report["horizon"])
        for name, figure in figures.items():
            figure.savefig(folder / name, dpi=DPI, facecolor="white")
    return [folder / name for name in figures]


def gain_figure(report: dict) -> Figure:
    """PSNR gain over the last frame repeated at each step with 95 % intervals, one panel for each frame size."""
    groups = report["groups"]
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    labels = []
    for panel, group in zip(panels, groups, strict=True):
        labels.append(_gain_panel(panel, group, report["horizon"]))
    for panel, ends in zip(panels, labels, strict=True):  # now that the panels agree on their common scale
        _label_ends(panel, ends, report["horizon"] + 0.2)
    panels[0].set_ylabel("PSNR gain over repeating, dB")
    return figure


def _gain_panel(panel: Axes, group: dict, horizon: int) -> list[tuple[float, str, str]]:
    """Draw the lines -> (height, text, colour) of the label at the end of each."""
    height, width = group["size"]
    # The oracle is four times as far from zero as all others: on their scale it is a remark, not a line.
    oracle = " / ".join(f"{gain:+.1f}" for gain in group["methods"]["flow_oracle"]["gain"]["mean"])
    below = f"95 % intervals over {group['clips']} clips\nflow that knows the truth: {oracle} dB"
    head(panel, f"{height}×{width}, {group['seen']} frames seen", below)
    panel.axhline(0, color=INK, linewidth=1)
    labels = [(0.0, "repeated", INK)]
    lines = [(method, MUTED, marker) for method, marker in FLOWS.items() if method in group["methods"]]
    lines += [(name, ACCENT, MARKERS[i % len(MARKERS)]) for i, name in enumerate(_predictors(group))]
    for i, (method, colour, marker) in enumerate(lines):
        gain = group["methods"][method]["gain"]
        # Beside each other, so that intervals do not cover one another.
        x = [k + 1 + 0.07 * (i - (len(lines) - 1) / 2) for k in range(horizon)]
        panel.vlines(x, gain["low"], gain["high"], color=colour, linewidth=2, alpha=0.35)
        face = colour if marker == MARKERS[0] else "white"
        panel.plot(x, gain["mean"], color=colour, linewidth=1.6, marker=marker, markersize=5.5, markerfacecolor=face)
        labels.append((gain["mean"][-1], _name(method), colour))
    panel.set_xticks(range(1, horizon + 1), [f"step {k + 1}" for k in range(horizon)])
    panel.set_xlim(0.8, horizon + 0.15)
    panel.spines["bottom"].set_visible(False)
    panel.grid(axis="y", color=FAINT, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.yaxis.set_major_formatter(_signed)
    panel.margins(y=0.06)
    return labels


def _label_ends(panel: Axes, labels: list[tuple[float, str, str]], x: float) -> None:
    """Write (height, text, colour) to the right of the lines, each pair that would touch moved apart alike."""
    low, high = panel.get_ylim()
    line = (high - low) / 14
    labels = sorted(labels)
    heights = [value for value, _, _ in labels]
    for _ in range(50):  # few labels: they settle in a few rounds
        for i in range(len(heights) - 1):
            overlap = max(0.0, line - (heights[i + 1] - heights[i]))
            heights[i] -= overlap / 2
            heights[i + 1] += overlap / 2
    for y, (_, text, colour) in zip(heights, labels, strict=True):
        weight = "bold" if colour == ACCENT else "normal"
        panel.annotate(text, (x, y), color=colour, va="center", size=9, weight=weight, annotation_clip=False)


def class_figure(group: dict, name: str, horizon: int) -> Figure:
    """Gain of one predictor in each class, the mean of all steps, with 95 % intervals, from best to worst."""
    classes = sorted(group["classes"].items(), key=lambda item: item[1]["overall_gain"][name]["mean"][0])
    figure = Figure(figsize=(WIDTH, 1.3 + 0.23 * len(classes)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    panel = figure.subplots()
    below = f"PSNR gain over repeating the last frame in dB, mean of steps 1 to {horizon}, 95 % intervals over clips"
    head(panel, f"{_name(name)}, class by class", below)
    panel.axvline(0, color=INK, linewidth=1)
    edge = panel.get_yaxis_transform()
    for y, (_, scores) in enumerate(classes):
        gain = {key: values[0] for key, values in scores["overall_gain"][name].items()}
        panel.plot([gain["low"], gain["high"]], [y, y], color=ACCENT, linewidth=3, alpha=0.3, solid_capstyle="round")
        panel.plot(gain["mean"], y, "o", color=ACCENT, markersize=6, zorder=3)
        if other := scores["overall_gain"].get("tuned_flow"):
            panel.plot(other["mean"][0], y, "o", markersize=5, color="white", markeredgecolor=MUTED, zorder=2.5)
        panel.text(1.07, y, scores["clips"], transform=edge, color=MUTED, size=8.5, ha="right", va="center")
    top = len(classes) - 1
    panel.text(1.07, top + 0.9, "clips", transform=edge, color=MUTED, size=8.5, ha="right", va="center")
    # The two dots of the best class say what the dots are.
    keys = [(classes[top][1]["overall_gain"][name]["mean"][0], _name(name), ACCENT, "bold")]
    if other := classes[top][1]["overall_gain"].get("tuned_flow"):
        keys.append((other["mean"][0], _name("tuned_flow"), MUTED, "normal"))
    for (x, text, colour, weight), side in zip(sorted(keys), ("right", "left")[-len(keys) :], strict=True):
        panel.text(x, top + 0.9, text, color=colour, size=8.5, weight=weight, ha=side, va="center")
    panel.set_yticks(range(len(classes)), [spaced(label) for label, _ in classes])
    panel.tick_params(axis="y", labelcolor=INK, labelsize=9)
    panel.set_ylim(-0.7, len(classes) + 0.4)
    panel.spines["bottom"].set_visible(False)
    panel.grid(axis="x", color=FAINT, linewidth=0.8)
    panel.grid(axis="y", color=FAINT, linewidth=0.5)
    panel.set_axisbelow(True)
    panel.xaxis.set_major_formatter(_signed)
    return figure


def head(panel: Axes, title: str, below: str) -> None:
    """A panel's title and a line under it that says what is shown."""
    panel.set_title(title, pad=11 + 11 * len(below.splitlines()))
    panel.annotate(
        below,
        (0, 1),
        (0, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        size=8.5,
        color=MUTED,
        linespacing=1.3,
    )


def _signed(value: float, _place: int) -> str:
    return f"{value:+g}".replace("-", "−") if round(value, 6) else "0"


def _name(method: str) -> str:
    return TITLES.get(method, method.replace("_", " "))


def _predictors(group: dict) -> list[str]:
    return [method for method in group["methods"] if method not in BASELINES]


def spaced(label: str) -> str:
    """ "BabyCrawling" -> "Baby Crawling", but YoYo stays."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z]{2})", " ", label)


def redraw(draw: Callable[[dict, Path], list[Path]], about: str | None, writer: str) -> None:
    """The command line of a module of figures: draw what the command `writer` wrote. about: its help."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help=f"what {writer} --json wrote")
    parser.add_argument("folder", type=Path, help="where to draw")
    args = parser.parse_args()
    for path in draw(json.loads(args.report.read_text(encoding="utf-8")), args.folder):
        print(path)


def main() -> None:
    redraw(draw, __doc__, "train.evaluate")


if __name__ == "__main__":
    main()
