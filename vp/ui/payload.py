"""A `Rollout` as JSON for the page: pictures as data URLs, numbers as they are."""

from __future__ import annotations

import base64

import numpy as np

from vp.explorer import Window
from vp.models import BLOCKS, KERNELS, TITLES
from vp.render import activation_sprite, film_strip, png
from vp.rollout import QUANTITIES, Rollout


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
