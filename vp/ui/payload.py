"""What the page draws from, as JSON: a `Rollout`, a motion; pictures as data URLs, numbers as they are."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import numpy as np

from vp.errors import ExplorerError
from vp.explorer import Explorer, Window
from vp.models import BLOCKS, KERNELS, TITLES
from vp.render import activation_sprite, film_strip, png
from vp.rollout import QUANTITIES, Rollout

PNG_LEVEL = 4  # of motions and masks, see `png`


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _strip(frames: np.ndarray) -> str | None:
    return data_url(png(film_strip(frames))) if len(frames) else None


def rollout_payload(rollout: Rollout, *, key: str, clip: str, window: Window) -> dict:
    """What every view draws from. Strips are PNG film strips of frames [h, w] from left to right."""
    height, width = rollout.predictions.shape[1:3]
    return {
        "key": key,
        "clip": clip,
        "model": rollout.model,
        "title": TITLES[rollout.model],
        "start": window.start,
        "fps": window.fps,
        "seen": rollout.seen,
        "horizon": rollout.horizon,
        "steps": rollout.steps,
        "size": [height, width],
        "fine": window.size == "fine",
        "truths": len(rollout.truth),
        "strips": {
            "real": _strip(np.concatenate([rollout.seen_frames, rollout.truth])),
            "one_step": _strip(rollout.one_step),
            "predicted": _strip(rollout.predictions),
            "flow": None if rollout.tuned_flow is None else _strip(rollout.tuned_flow),
        },
        "scores": {name: [round(v, 4) for v in values] for name, values in rollout.scores.items()},
        "seconds": round(rollout.seconds, 4),
        "blocks": {b: list(next(iter(rollout.states[b].values())).shape[1:]) for b in BLOCKS},
    }


def filter_payload(rollout: Rollout, before: Rollout, block: str, kernel: str, index: int) -> dict:
    """Everything that one filter does, for the Memory view: all five quantities at every step, and its state h in the
    network before training. Each a sprite of one column, as `activation_sprite` makes them.

    Raises ValueError for an unknown block, kernel or filter.
    """
    for value, choices in ((block, BLOCKS), (kernel, KERNELS)):
        if value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
    count = rollout.states[block][kernel].shape[1]
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise ValueError(f"the filter must be from 0 to {count - 1}, not {index!r}")

    def row(source: Rollout, quantity: str) -> dict:
        signed = quantity not in ("z", "r")
        values = source.activation(block, kernel, quantity)[:, index : index + 1]
        sprite, scale = activation_sprite(values, signed)
        return {"signed": signed, "scale": float(f"{scale[0]:.5g}"), "sprite": data_url(png(sprite))}

    rows = {quantity: row(rollout, quantity) for quantity in QUANTITIES}
    return {"rows": rows, "before": row(before, "h"), "steps": rollout.steps}


def activation_payload(rollout: Rollout, block: str, kernel: str, quantity: str) -> dict:
    """One quantity of one ConvGRU for the Memory view. See `activation_sprite` for how to read the sprite.

    Raises ValueError for an unknown block, kernel or quantity.
    """
    for value, choices in ((block, BLOCKS), (kernel, KERNELS), (quantity, QUANTITIES)):
        if value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
    values = rollout.activation(block, kernel, quantity)
    signed = quantity not in ("z", "r")
    sprite, scale = activation_sprite(values, signed)
    steps, filters, height, width = values.shape
    return {
        "block": block,
        "kernel": kernel,
        "quantity": quantity,
        "signed": signed,
        "steps": steps,
        "filters": filters,
        "size": [height, width],
        "scale": [float(f"{v:.5g}") for v in scale],
        "sprite": data_url(png(sprite)),
    }


def packed_motion(motion: np.ndarray) -> dict:
    """A motion [steps, h, w, 2] in pixels for `static/flow.js`: colours, arrows and moved frames are drawn from it.

    sprite: grey, steps from left to right, the part to the right above the part down: peak * (grey - 128) / 127 pixels.
    size: [h, w]. speed: mean length at each step.
    """
    peak = max(float(np.abs(motion).max()), 1e-3)
    grey = np.rint(motion / peak * 127 + 128).astype(np.uint8)
    steps, height, width = motion.shape[:3]
    sprite = data_url(png(grey.transpose(3, 1, 0, 2).reshape(2 * height, steps * width), PNG_LEVEL))
    return {"size": [height, width], "peak": peak, "sprite": sprite, "speed": mean_speed(motion)}


def mean_speed(motion: np.ndarray) -> list[float]:
    """Pixels, at each step."""
    return [float(v) for v in _speed(motion).mean((1, 2))]


def colour_limit(motion: np.ndarray, least: float) -> float:
    """Pixels of motion that have the full colour."""
    return round(max(least, float(np.percentile(_speed(motion), 99))), 2)


def _speed(motion: np.ndarray) -> np.ndarray:
    return np.hypot(motion[..., 0], motion[..., 1])


def short(values: np.ndarray) -> list:
    """Numbers of four digits, which is what a picture of them needs."""
    exact = values.astype(np.float64)
    digits = 10.0 ** (3 - np.floor(np.log10(np.maximum(np.abs(exact), 1e-6))))
    return (np.round(exact * digits) / digits).tolist()


def titles(explorer: Explorer, ids: Iterable[str]) -> dict[str, str]:
    """Names of clips for people, in the order of their ids; those of a shelf that nobody has opened by their ids."""
    names = {}
    for id in sorted(ids):
        try:
            names[id] = explorer.clip(id)[1].name
        except ExplorerError:
            names[id] = id
    return names
