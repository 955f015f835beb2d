"""The moving circle: a plain disc that goes to and fro on a plain background."""

import numpy as np
from PIL import Image, ImageDraw

SCALE = 8
WIDTH, HEIGHT, FRAMES = 320, 240, 80
BACKGROUND, DISC = (228, 233, 238), (214, 72, 50)
RADIUS, SPEED = 34, 3.0  # pixels, pixels a frame (25 fps)


def image(frame):
    """One frame, drawn large and averaged down, so that the edge is anti-aliased."""
    left, span = RADIUS + 8, WIDTH - 2 * (RADIUS + 8)
    way = (SPEED * frame) % (2 * span)
    x = left + (way if way < span else 2 * span - way)
    y, r = HEIGHT / 2, RADIUS
    big = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), BACKGROUND)
    ImageDraw.Draw(big).ellipse([SCALE * v for v in (x - r, y - r, x + r, y + r)], fill=DISC)
    return np.asarray(big.reduce(SCALE))


def make(out, only=None):
    if only:
        for frame in only:
            Image.fromarray(image(frame - 1)).save(out.with_name(f"{out.stem}_{frame:04d}.png"))
        return
    from .kit import encode

    encode((image(frame) for frame in range(FRAMES)), out)
