"""Pictures in rows and columns, with names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from ..evaluation.figures import ACCENT, INK, MUTED, save


class Row(NamedTuple):
    """pictures: [n, h, w, 3], float in [0, 1] or uint8. name: at the left. captions: below each picture, or None.
    accent: how many pictures at the end are predictions, which get the accent colour."""

    name: str
    pictures: np.ndarray
    captions: list[str] | None = None
    accent: int = 0


def panels(rows: list[Row], figure: Path, *, columns: list[str] | None = None, zoom: float = 1.0) -> None:
    """Draw rows of equally many pictures into a .png or .svg. columns: names above the first row."""
    count = max(len(row.pictures) for row in rows)
    height, width = rows[0].pictures.shape[1:3]
    side = 1.35 * zoom
    captions = any(row.captions for row in rows)
    tall = (side * height / width + (0.24 if captions else 0.05)) * len(rows) + 0.3
    fig = Figure(figsize=(side * count + 1.3, tall), layout="constrained")
    axes = fig.subplots(len(rows), count, squeeze=False)
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for i, row in enumerate(rows):
        for j, ax in enumerate(axes[i]):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if j >= len(row.pictures):
                continue
            ax.imshow(row.pictures[j], interpolation="nearest")
            if j >= len(row.pictures) - row.accent:
                ax.spines[:].set(visible=True, color=ACCENT, linewidth=2)
            if columns and i == 0 and j < len(columns):
                ax.set_title(columns[j], fontsize=9, color=MUTED)
            if row.captions:
                ax.set_xlabel(row.captions[j], fontsize=8, color=INK, labelpad=2)
        axes[i][0].set_ylabel(row.name, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)
    save(fig, figure)
