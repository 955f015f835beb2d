"""The paper's first test of the ladder: a circle that moves sideways (section 4, Fig. 4).

Five sequences, as in the paper: one translation, shifted up and down, mirrored, mirrored and shifted. They are written
into the cache of decoded clips, so everything that trains or scores on clips does so on circles too.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vp.limits import FPS
from vp.moving_circle import disc

from .frame_cache import DRAWN, SIZE, read_entries, write

FRAMES = 12
RADIUS = 14
STEP = 9


def circle(height: int, width: int, *, shift: int = 0, mirror: bool = False) -> np.ndarray:
    """A white disc on black that moves right by 9 of 160 pixels a frame: uint8 [FRAMES, height, width, 3].

    shift: pixels that its path lies below the middle. mirror: it moves left. Its edge is antialiased.
    """
    unit = height / SIZE[0]
    start = width / 2 - STEP * unit * (FRAMES - 1) / 2
    y = height / 2 + shift * unit
    clip = np.stack([disc(height, width, y, start + STEP * unit * t, RADIUS * unit) for t in range(FRAMES)])
    clip = clip[:, :, :: -1 if mirror else 1]
    return np.repeat((clip * 255).round().astype(np.uint8)[..., None], 3, axis=-1)


VARIANTS = {
    "circle": {},
    "circle_up": {"shift": -30},
    "circle_down": {"shift": 30},
    "circle_mirrored": {"mirror": True},
    "circle_mirrored_down": {"mirror": True, "shift": 20},
}


def build(folder: Path) -> list[str]:
    """Write the five clips into a cache, if they are not there. Returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = read_entries(folder)
    with (folder / "index.jsonl").open("a", encoding="utf-8") as log:
        for name, change in VARIANTS.items():
            file = folder / f"{name}.npy"
            if entries.get(name) != (FRAMES, FPS, DRAWN) or not file.exists():
                write(file, circle(*SIZE, **change))
                log.write(json.dumps([name, FRAMES, FPS, *DRAWN]) + "\n")
    return list(VARIANTS)
