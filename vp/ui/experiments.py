"""The experiments of `vp.inspection`, as the page asks for them: by name, answered in JSON."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vp import inspection
from vp.errors import RequestError
from vp.explorer import Explorer
from vp.render import png

from .payload import data_url
from .store import Request


def _ladder(explorer: Explorer, request: Request, options: dict) -> dict:
    """Every stage as a grey film strip from top to bottom, brightest where it answers most."""
    window = request.window
    found = explorer.inspect(inspection.ladder_map, request.path, window, seen=window.seen, horizon=window.horizon)
    stages = []
    for name, maps in found.stages.items():
        scale = max(float(maps.max()), 1e-6)
        sprite = np.clip(maps / scale * 255 + 0.5, 0, 255).astype(np.uint8).reshape(-1, maps.shape[2])
        stages.append(
            {
                "name": name,
                "channels": found.channels[name],
                "size": list(maps.shape[1:]),
                "scale": scale,
                "sprite": data_url(png(sprite)),
            }
        )
    taps = [name for name in found.stages if not name.startswith(("C", "L"))]
    return {"stages": stages, "taps": taps}


EXPERIMENTS: dict[str, Callable[[Explorer, Request, dict], dict]] = {"ladder": _ladder}


def run_experiment(explorer: Explorer, request: Request, kind: str, options: dict) -> dict:
    """Run one on the window of a request. Raises RequestError for an unknown kind, and what the experiment raises."""
    if kind not in EXPERIMENTS:
        raise RequestError(f"There is no experiment {kind!r}: choose one of {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[kind](explorer, request, options)
