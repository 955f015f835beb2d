"""Which ConvGRUs do the work: what silencing each costs, mean over clips.

python -m train.findings.memories --data UCF-101 --clips 72 --figure assets/figures/memories.png
python -m train.findings.memories --figure memories.png         # on the bundled clips
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from train.arguments import at_least_one
from train.cache import build
from train.data import fixed_windows
from train.splits import find_clips, select
from vp import Predictor, load_predictor
from vp.inspection import rank_convgrus
from vp.models import BLOCKS, KERNELS, NAMES, TITLES

from .clips import bundled, window
from .panels import ACCENT, INK, MUTED


def windows(predictor: Predictor, args: argparse.Namespace) -> Iterator[np.ndarray]:
    """Frames [seen + 1, H, W, 3] of each clip."""
    length = predictor.default_seen + 1
    if args.data is None:
        for clip in bundled():
            yield window(clip, length, size=predictor.size)
        return
    clips = build(select(find_clips(args.data), "validation"), args.cache)
    names = [clip.name for clip in clips]
    names = names[:: max(1, len(names) // args.clips)][: args.clips]
    for _, _, frames in fixed_windows(args.cache, names, length=length, size=predictor.size, per_clip=1):
        yield frames.permute(0, 2, 3, 1).numpy()


def lost(predictor: Predictor, args: argparse.Namespace) -> tuple[dict[str, float], int]:
    """dB that the first prediction loses without each ConvGRU, mean over the clips; and how many they were."""
    found = [{part.part: part.lost for part in rank_convgrus(predictor, frames)} for frames in windows(predictor, args)]
    return {name: float(np.mean([one[name] for one in found])) for name in sorted(found[0])}, len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoints", default="bundled")
    parser.add_argument("--model", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--data", type=Path, default=None, help="UCF101 folder, for its validation clips")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--clips", type=at_least_one, default=72, help="with --data: how many")
    parser.add_argument("--figure", type=Path, required=True)
    args = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 10, "axes.edgecolor": MUTED, "text.color": INK})
    fig, axes = plt.subplots(1, len(args.model), figsize=(3.1 * len(args.model), 3.6), sharey=True, squeeze=False,
                             layout="constrained")  # fmt: skip
    for ax, model in zip(axes[0], args.model, strict=True):
        costs, count = lost(load_predictor(model, args.checkpoints), args)
        print(f"{model}, {count} clips: " + ", ".join(f"{part} {cost:.2f}" for part, cost in costs.items()))
        # A gap between blocks.
        places = [4 * i + j for i in range(len(BLOCKS)) for j in range(len(KERNELS))]
        bars = ax.barh(places, costs.values(), color=ACCENT, height=0.8)
        ax.bar_label(
            bars, [f"{cost:.2f}".replace("-0.00", "0.00") for cost in costs.values()], padding=3, fontsize=8, color=INK
        )
        ax.set_yticks(places, [part.replace(".", " ").replace("x", "×") for part in costs])
        ax.set_title(TITLES[model], loc="left", fontsize=11, fontweight="bold", color=INK)
        ax.set_xlabel("dB lost without it", color=MUTED)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(colors=MUTED, labelcolor=INK, length=0)
        ax.margins(x=0.15)
    axes[0][0].invert_yaxis()
    args.figure.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(args.figure, dpi=150)
    plt.close(fig)


if __name__ == "__main__":
    main()
