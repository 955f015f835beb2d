"""What the Motion view draws from: flow, level by level, and mask of a rollout, the location maps of a network."""

from __future__ import annotations

import numpy as np

from vp.errors import RequestError
from vp.models.ladder import Ladder
from vp.models.lateral import LocationConv2d
from vp.render import film_strip, flow_colours, jpeg, png
from vp.rollout import Rollout

from .levels import Level, built_up, predicted_gain
from .payload import data_url

ARROWS = 14  # across the frame, at most
NO_FLOW = "This network paints its frames without moving pixels: it has no flow to show."


def motion_payload(rollout: Rollout) -> dict:
    """Motion and mask of every step; motion is where things go, from the last frame to the predicted one.

    colours and mask: film strips from left to right, a step each. limit: pixels of motion that have the full colour.
    arrows[step]: [x, y, right, down] in pixels on a coarse grid. levels: the same after C4, C3, C2, C1 and the head,
    see `_level`. gain: dB of each step's prediction over the frame that it read, None where the truth is not known.
    Raises RequestError for a network that moves no pixels.
    """
    if rollout.flow is None or rollout.mask is None:
        raise RequestError(NO_FLOW)
    # A network says where a pixel comes FROM.
    motion = -rollout.flow.astype(np.float32)
    size = motion.shape[1:3]
    speed = np.hypot(motion[..., 0], motion[..., 1])
    limit = max(1.0, float(np.percentile(speed, 99)))
    mask = np.repeat(rollout.mask[..., None].astype(np.float32), 3, axis=-1)
    return {
        "steps": len(motion),
        "size": list(size),
        "limit": round(limit, 2),
        "colours": _colours(motion, limit),
        "mask": data_url(png(film_strip(mask))),
        "painted": [round(float(share), 4) for share in rollout.mask.mean((1, 2))],
        "speed": [round(float(v), 3) for v in speed.mean((1, 2))],
        "arrows": _arrows(motion, size),
        "gain": in_db(predicted_gain(rollout)),
        "levels": [_level(level, size, limit) for level in built_up(rollout)],
    }


def _level(level: Level, size: tuple[int, int], limit: float) -> dict:
    """The motion after one level: its "name" and the "size" of its grid, "colours", "arrows" and "speed" as above,
    "moved", a film strip of the frame that each step reads moved by it, and "gain", of that as above."""
    motion = -level.flow
    return {
        "name": level.name,
        "size": list(motion.shape[1:3]),
        "colours": _colours(motion, limit),
        "arrows": _arrows(motion, size),
        "speed": [round(float(v), 3) for v in np.hypot(motion[..., 0], motion[..., 1]).mean((1, 2))],
        "moved": data_url(jpeg(film_strip(level.moved)), "image/jpeg"),
        "gain": in_db(level.gain),
    }


def moves_payload(rollout: Rollout) -> dict[str, dict]:
    """What each of C4 to C1 and the head itself adds to the motion: {name: "size", "colours", "limit", "speed" as in
    `motion_payload`, and "share", in dB a step}; empty for a network that moves nothing level by level."""
    found = {}
    for level in built_up(rollout):
        motion = -level.added
        speed = np.hypot(motion[..., 0], motion[..., 1])
        limit = max(0.25, float(np.percentile(speed, 99)))
        found[level.name] = {
            "size": list(motion.shape[1:3]),
            "limit": round(limit, 2),
            "colours": _colours(motion, limit),
            "speed": [round(float(v), 3) for v in speed.mean((1, 2))],
            "share": in_db(level.share),
        }
    return found


def in_db(values: list[float | None]) -> list[float | None]:
    """Rounded for a page."""
    return [None if v is None else round(v, 3) for v in values]


def _colours(motion: np.ndarray, limit: float) -> str:
    return data_url(png(np.concatenate(list(flow_colours(motion, limit)), axis=1)))


def _arrows(motion: np.ndarray, size: tuple[int, int]) -> list[list[list[float]]]:
    """For each step of motion [steps, h, w, 2] a list of [x, y, right, down] in pixels of a frame of that size."""
    height, width = motion.shape[1:3]
    cell = size[1] / width
    stride = -(-width // ARROWS)
    ys, xs = np.arange(stride // 2, height, stride), np.arange(stride // 2, width, stride)
    # Pixels and cells count from their middle.
    middles = {i: round((float(i) + 0.5) * cell - 0.5, 1) for i in (*ys, *xs)}
    return [
        [[middles[x], middles[y], *(round(float(v), 2) for v in frame[y, x])] for y in ys for x in xs]
        for frame in motion
    ]


def location_payload(model: Ladder) -> dict:
    """The location biases of a network: {block: {"filters", "size", "scale", "sprite"}}, a grey sprite with a filter a
    column, 127.5 being zero and `scale` the largest absolute value."""
    maps = {}
    for block, lateral in model.laterals.items():
        if isinstance(lateral.skip, LocationConv2d):
            bias = lateral.skip.location.detach().float().cpu().numpy()[0]
            scale = max(float(np.abs(bias).max()), 1e-9)
            sprite = np.clip(bias / scale * 127.5 + 127.5 + 0.5, 0, 255).astype(np.uint8)
            maps[block] = {
                "filters": len(bias),
                "size": list(bias.shape[1:]),
                "scale": float(f"{scale:.4g}"),
                "sprite": data_url(png(np.concatenate(list(sprite), axis=1))),
            }
    return maps
