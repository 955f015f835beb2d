"""What the Motion view draws from: the flow and mask of a rollout, the location maps of a network."""

from __future__ import annotations

import numpy as np

from vp.errors import RequestError
from vp.models.ladder import Ladder
from vp.models.location import LocationConv2d
from vp.render import film_strip, flow_colours, png
from vp.rollout import Rollout

from .payload import data_url

ARROWS = 14  # across the frame


def motion_payload(rollout: Rollout) -> dict:
    """Motion and mask of every step; motion is where things go, from the last frame to the predicted one.

    colours and mask: film strips from left to right, a step each. limit: pixels of motion that have the full colour.
    arrows[step]: [x, y, right, down] in pixels on a coarse grid.
    Raises RequestError for a network without a warp head.
    """
    if rollout.flow is None or rollout.mask is None:
        raise RequestError("This network paints its frames without moving pixels: it has no flow to show.")
    # The head says where a pixel comes FROM.
    motion = -rollout.flow.astype(np.float32)
    height, width = motion.shape[1:3]
    speed = np.hypot(motion[..., 0], motion[..., 1])
    limit = max(1.0, float(np.percentile(speed, 99)))
    stride = max(1, width // ARROWS)
    ys, xs = np.arange(stride // 2, height, stride), np.arange(stride // 2, width, stride)
    arrows = [
        [[int(x), int(y), *(round(float(v), 2) for v in frame[y, x])] for y in ys for x in xs] for frame in motion
    ]
    mask = np.repeat(rollout.mask[..., None].astype(np.float32), 3, axis=-1)
    return {
        "steps": len(motion),
        "size": [height, width],
        "limit": round(limit, 2),
        "colours": data_url(png(np.concatenate(list(flow_colours(motion, limit)), axis=1))),
        "mask": data_url(png(film_strip(mask))),
        "painted": [round(float(share), 4) for share in rollout.mask.mean((1, 2))],
        "speed": [round(float(v), 3) for v in speed.mean((1, 2))],
        "arrows": arrows,
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
