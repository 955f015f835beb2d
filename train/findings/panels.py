"""Pictures in rows and columns, with names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

INK, MUTED, ACCENT = "#1d1d1f", "#8a8a8e", "#ff7a33"


class Row(NamedTuple):
    """pictures: [n, h, w, 3] or [n, h, w], float in [0, 1], uint8, or any numbers with `limit`.

    name: at the left. captions: below each picture, or None. accent: how many pictures at the end are predictions,
    which get the accent colour. limit: draw numbers from -limit to limit on a diverging scale around zero.
    """

    name: str
    pictures: np.ndarray
    captions: list[str] | None = None
    accent: int = 0
    limit: float | None = None


def panels(rows: list[Row], figure: Path, *, columns: list[str] | None = None, zoom: float = 1.0) -> None:
    """Draw rows of equally many pictures into a .png or .svg. columns: names above the first row."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    count = max(len(row.pictures) for row in rows)
    height, width = rows[0].pictures.shape[1:3]
    side = 1.35 * zoom
    captions = any(row.captions for row in rows)
    fig, axes = plt.subplots(
        len(rows),
        count,
        figsize=(side * count + 1.3, (side * height / width + (0.24 if captions else 0.05)) * len(rows) + 0.3),
        squeeze=False,
        layout="constrained",
    )
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for i, row in enumerate(rows):
        for j, ax in enumerate(axes[i]):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if j >= len(row.pictures):
                continue
            scale = {} if row.limit is None else {"cmap": "RdBu_r", "vmin": -row.limit, "vmax": row.limit}
            ax.imshow(row.pictures[j], interpolation="nearest", **scale)
            if j >= len(row.pictures) - row.accent:
                ax.spines[:].set(visible=True, color=ACCENT, linewidth=2)
            if columns and i == 0 and j < len(columns):
                ax.set_title(columns[j], fontsize=9, color=MUTED)
            if row.captions:
                ax.set_xlabel(row.captions[j], fontsize=8, color=INK, labelpad=2)
        axes[i][0].set_ylabel(row.name, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)
    figure.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(figure, dpi=150)
    plt.close(fig)
