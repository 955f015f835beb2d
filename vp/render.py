"""Arrays to pictures: film strips, activation sprites, side-by-side videos. No network, no page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import video
from .rollout import Rollout

# The one colour that means "predicted", here and in the page's style sheet.
PREDICTED = (240, 118, 54)
SEEN = (138, 146, 160)
# Colour maps by their stops, here and on the page. Signed: blue, through the middle, to red; unsigned: dark to bright.
COLOURS = {
    "signed": [[20, 56, 120], [82, 146, 205], [247, 247, 247], [226, 122, 86], [120, 22, 32]],
    "signed_dark": [[96, 180, 255], [34, 84, 150], [24, 27, 34], [160, 62, 38], [255, 150, 92]],
    "unsigned": [[18, 20, 32], [62, 50, 110], [150, 62, 110], [232, 122, 76], [252, 232, 164]],
}
LARGE = 384  # pixels of height up to which pictures to keep are enlarged


def to_uint8(frames: np.ndarray) -> np.ndarray:
    """Float frames in [0, 1] -> uint8, rounded."""
    return np.clip(frames * 255 + 0.5, 0, 255).astype(np.uint8)


def film_strip(frames: np.ndarray) -> np.ndarray:
    """[T, h, w, 3] in [0, 1] -> one picture uint8 [h, T * w, 3], left to right in time."""
    return np.concatenate(list(to_uint8(frames)), axis=1)


def png(picture: np.ndarray, level: int = 1) -> bytes:
    """uint8 [h, w] or [h, w, 3] -> PNG. level: 1 packs it quickly, 9 tightly; noise takes long beyond 4."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def jpeg(picture: np.ndarray) -> bytes:
    """uint8 [h, w, 3] -> JPEG, for what moves past."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def activation_sprite(values: np.ndarray, signed: bool) -> tuple[np.ndarray, np.ndarray]:
    """All filters of a ConvGRU at all steps as one grey picture.

    values: [steps, C, h, w]. signed: whether zero is the middle (states) or the bottom (gates) of the scale.
    Returns the sprite uint8 [steps * h, C * w], a row a step and a column a filter, and the scale [C]: each
    filter's largest absolute value over all steps. A value is scale * (grey - 127.5) / 127.5 if signed, else
    scale * grey / 255; every filter uses all 8 bits, however quiet it is.
    """
    steps, channels, height, width = values.shape
    scale = np.maximum(np.abs(values).max(axis=(0, 2, 3)), 1e-6)
    unit = values / scale[None, :, None, None]
    grey = unit * 127.5 + 127.5 if signed else unit * 255
    grey = np.clip(grey + 0.5, 0, 255).astype(np.uint8)
    return grey.transpose(0, 2, 1, 3).reshape(steps * height, channels * width), scale


def diverging(values: np.ndarray) -> np.ndarray:
    """[...] in [-1, 1] -> uint8 [..., 3]: blue below zero, white at zero, red above."""
    colours = np.array(COLOURS["signed"], dtype=float)
    positions = np.linspace(-1, 1, len(colours))
    v = np.clip(values, -1, 1)
    return np.stack([np.interp(v, positions, colours[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)


def heat(values: np.ndarray) -> np.ndarray:
    """Sensitivities [...] from 0 up -> uint8 [...]. The root, because the last frame moves a prediction a hundred times
    more than those before it; white just below the strongest pixels, which are few and would leave the rest black."""
    scale = max(float(np.percentile(values, 99.7)), 1e-9)
    return to_uint8(np.sqrt(values / scale))


def filter_grid(values: np.ndarray, *, columns: int = 8, zoom: int = 3, per_filter: bool = False) -> np.ndarray:
    """Filters [C, h, w] at one step as a coloured grid, uint8 [H, W, 3], on one shared scale or one each."""
    values = np.asarray(values, dtype=np.float32)
    channels, height, width = values.shape
    peak = np.abs(values).max(axis=(1, 2), keepdims=True) if per_filter else np.abs(values).max()
    tiles = diverging(values / np.maximum(peak, 1e-6)).repeat(zoom, axis=1).repeat(zoom, axis=2)
    rows, gap = -(-channels // columns), 2
    grid = np.full((rows * (height * zoom + gap) - gap, columns * (width * zoom + gap) - gap, 3), 128, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        y, x = (i // columns) * (height * zoom + gap), (i % columns) * (width * zoom + gap)
        grid[y : y + height * zoom, x : x + width * zoom] = tile
    return grid


def sheet(rollout: Rollout, scale: int = 2) -> np.ndarray:
    """The whole rollout as one picture, uint8 [H, W, 3]: a row of true frames, one of predictions, one of the last
    frame repeated; predicted frames wear the accent colour. Enlarged `scale` times, large frames less."""
    scale = _enlarged(rollout, scale)
    h, w = (side * scale for side in rollout.predictions.shape[1:3])
    gap, head = 6, 20
    rows = {
        "truth": [*rollout.seen_frames, *rollout.truth],
        "prediction": [*rollout.seen_frames, *rollout.predictions],
        "last frame repeated": [*rollout.seen_frames, *rollout.copy_last],
    }
    columns = rollout.seen + rollout.horizon
    picture = Image.new("RGB", (columns * (w + gap) + gap, len(rows) * (h + head + gap) + gap), (18, 18, 18))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for i, (label, frames) in enumerate(rows.items()):
        y = gap + i * (h + head + gap)
        draw.text((gap, y + 2), label, fill=SEEN, font=font)
        for t, frame in enumerate(frames):
            x = gap + t * (w + gap)
            colour = PREDICTED if t >= rollout.seen and i else SEEN
            draw.rectangle((x - 1, y + head - 1, x + w, y + head + h), outline=colour)
            resized = Image.fromarray(to_uint8(frame)).resize((w, h), Image.Resampling.BICUBIC)
            picture.paste(resized, (x, y + head))
    return np.asarray(picture)


def side_by_side(rollout: Rollout, scale: int = 3) -> np.ndarray:
    """Truth, prediction and copy-last beside each other through the whole time line.

    Returns uint8 [seen + horizon, H, W, 3], enlarged `scale` times, large frames less, labelled; predicted frames wear
    the accent colour. Where the clip has no true frame any more, the truth is black.
    """
    scale = _enlarged(rollout, scale)
    h, w = rollout.predictions.shape[1:3]
    gap, head = 8, 22
    missing = np.zeros((rollout.horizon - len(rollout.truth), h, w, 3), dtype=np.float32)
    columns = {
        "truth": np.concatenate([rollout.seen_frames, rollout.truth, missing]),
        "prediction": np.concatenate([rollout.seen_frames, rollout.predictions]),
        "last frame repeated": np.concatenate([rollout.seen_frames, rollout.copy_last]),
    }
    width = 3 * w * scale + 4 * gap
    out = np.full((rollout.seen + rollout.horizon, h * scale + head + gap, width + width % 2, 3), 18, dtype=np.uint8)
    out = out[:, : out.shape[1] - out.shape[1] % 2]
    font = ImageFont.load_default(13)
    for t in range(len(out)):
        picture = Image.fromarray(out[t])
        draw = ImageDraw.Draw(picture)
        for i, (label, frames) in enumerate(columns.items()):
            x = gap + i * (w * scale + gap)
            colour = PREDICTED if t >= rollout.seen and i else SEEN
            frame = Image.fromarray(to_uint8(frames[t])).resize((w * scale, h * scale), Image.Resampling.BICUBIC)
            picture.paste(frame, (x, head))
            draw.rectangle((x - 2, head - 2, x + w * scale + 1, head + h * scale + 1), outline=colour, width=2)
            step = f" +{t - rollout.seen + 1}" if t >= rollout.seen else ""
            draw.text((x, 3), f"{label}{step}", fill=colour, font=font)
        out[t] = np.asarray(picture)[: out.shape[1]]
    return out


def _enlarged(rollout: Rollout, scale: int) -> int:
    return max(1, min(scale, LARGE // rollout.predictions.shape[1]))


def side_by_side_mp4(rollout: Rollout, path: str | Path, fps: float) -> Path:
    """Write `side_by_side` as an mp4 that browsers play, at most half the clip's speed so that it can be seen."""
    frames = side_by_side(rollout)
    # The last frame stays for a moment before a player loops.
    frames = np.concatenate([frames, frames[-1:].repeat(3, axis=0)])
    video.write_mp4(path, frames, fps=fps / 2)
    return Path(path)
