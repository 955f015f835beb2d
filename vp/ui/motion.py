"""What the Motion view draws from: flow, level by level, and mask of a rollout, the location maps of a network."""

from __future__ import annotations

import numpy as np

from vp import inspection
from vp.errors import RequestError
from vp.inspection import Level
from vp.models.ladder import Ladder
from vp.models.lateral import LocationConv2d
from vp.render import png, to_uint8
from vp.rollout import Rollout

from .payload import data_url

PACKED = 4  # of PNGs
NO_FLOW = "This network paints its frames without moving pixels: it has no flow to show."


def motion_numbers(rollout: Rollout, levels: list[Level]) -> dict:
    """What a rollout moves and paints, in numbers: the JSON object of /motion. levels: `built_up` of it.
    Raises RequestError for a network that moves no pixels.
    """
    if rollout.flow is None or rollout.mask is None:
        raise RequestError(NO_FLOW)
    return {
        "model": rollout.model,
        "steps": rollout.steps,
        "size": list(rollout.mask.shape[1:]),
        "speed": _mean_speed(rollout.flow),
        "painted": [float(share) for share in rollout.mask.mean((1, 2))],
        "gain": inspection.predicted_gain(rollout),
        "levels": [
            {
                "name": level.name,
                "size": list(level.flow.shape[1:3]),
                "speed": _mean_speed(level.flow),
                "gain": level.gain,
            }
            for level in levels
        ],
    }


def motion_drawing(rollout: Rollout, levels: list[Level]) -> dict:
    """What is drawn of that; motion is where things go, from the last frame to the predicted one.

    mask: a grey film strip from left to right, a step each. levels: the motion after C4, C3, C2 and C1, see
    `packed`, each with its "name" and "gain". limit: pixels of motion that have the full colour.
    """
    mask = np.concatenate(list(to_uint8(rollout.mask.astype(np.float32))), axis=1)
    return {
        "limit": _limit(-rollout.flow, 1.0),
        "mask": data_url(png(mask, PACKED)),
        # A network says where a pixel comes FROM.
        "levels": [{"name": level.name, "gain": level.gain, **packed(-level.flow)} for level in levels],
    }


def moves_payload(rollout: Rollout) -> dict[str, dict]:
    """What each of C4 to C1 itself adds to the motion: {name: `packed`, its "limit" as in
    `motion_drawing`, and "share", in dB a step}; empty for a network that moves nothing level by level."""
    return {
        level.name: {"limit": _limit(-level.added, 0.25), "share": level.share, **packed(-level.added)}
        for level in inspection.built_up(rollout)
    }


def _limit(motion: np.ndarray, least: float) -> float:
    return round(max(least, float(np.percentile(_speed(motion), 99))), 2)


def _speed(motion: np.ndarray) -> np.ndarray:
    return np.hypot(motion[..., 0], motion[..., 1])


def _mean_speed(motion: np.ndarray) -> list[float]:
    """Pixels, at each step."""
    return [float(v) for v in _speed(motion).mean((1, 2))]


def packed(motion: np.ndarray) -> dict:
    """A motion [steps, h, w, 2] in pixels for `static/flow.js`: colours, arrows and moved frames are drawn from it.

    sprite: grey, steps from left to right, the part to the right above the part down: peak * (grey - 128) / 127 pixels.
    size: [h, w]. speed: mean length at each step.
    """
    peak = max(float(np.abs(motion).max()), 1e-3)
    grey = np.rint(motion / peak * 127 + 128).astype(np.uint8)
    steps, height, width = motion.shape[:3]
    sprite = grey.transpose(3, 1, 0, 2).reshape(2 * height, steps * width)
    return {
        "size": [height, width],
        "peak": peak,
        "sprite": data_url(png(sprite, PACKED)),
        "speed": _mean_speed(motion),
    }


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
