"""The experiments of `vp.inspection`, as the page asks for them: by name, answered in JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np

from vp import inspection
from vp.errors import RequestError
from vp.explorer import Explorer, Window
from vp.models import TITLES
from vp.render import film_strip, heat, png
from vp.rollout import Rollout

from .motion import moves_payload
from .payload import data_url
from .store import Request, RolloutStore

T = TypeVar("T")


@dataclass(frozen=True)
class Subject:
    """What an experiment is made on: a rollout that a page shows (computed again, should it have been dropped), and
    the request that it answered."""

    explorer: Explorer
    request: Request
    rollout: Callable[[], Rollout]

    def inspect(self, experiment: Callable[..., T], window: Window | None = None, **options: object) -> T:
        """An experiment of `vp.inspection` on the window of the request, or another one of its clip."""
        return self.explorer.inspect(experiment, self.request.file, window or self.request.window, **options)


def _ladder(on: Subject, options: dict) -> dict:
    """Every stage as a grey film strip from top to bottom, brightest where it answers most, its "range" from black to
    white. taps: the stages on the way down. moves: what each level adds to the motion, see `moves_payload`."""
    window = on.request.window
    found = on.inspect(inspection.ladder_map, seen=window.seen, horizon=window.horizon)
    stages = []
    for name, maps in found.stages.items():
        # A memory may answer everywhere: what it says is in the differences.
        low, high = (float(v) for v in np.percentile(maps, (1, 99.5)))
        unit = (maps - low) / max(high - low, 1e-3)
        sprite = np.clip(unit * 255 + 0.5, 0, 255).astype(np.uint8).reshape(-1, maps.shape[2])
        stages.append(
            {
                "name": name,
                "channels": found.channels[name],
                "size": list(maps.shape[1:]),
                "range": [low, high],
                "sprite": data_url(png(sprite)),
            }
        )
    taps = [name for name in found.stages if not name.startswith(("C", "L"))]
    return {"stages": stages, "taps": taps, "moves": moves_payload(on.rollout())}


def _silence(on: Subject, options: dict) -> dict:
    """The prediction with parts silenced. parts: list of paths such as "C2.5x5"."""
    parts = options.get("parts")
    if not isinstance(parts, list) or not 1 <= len(parts) <= 64:
        raise RequestError("Choose at least one part of the network to silence.")
    rollout = on.explorer.silence(on.rollout(), [str(p) for p in parts])
    return {
        "parts": parts,
        "strip": data_url(png(film_strip(rollout.predictions))),
        "psnr": [round(v, 3) for v in rollout.scores["psnr"]],
        "seconds": round(rollout.seconds, 4),
    }


def _importance(on: Subject, options: dict) -> dict:
    """All ConvGRUs and the blocks of them, the most important first."""
    found = on.inspect(inspection.rank_convgrus, seen=on.request.window.seen)
    return {"ranking": [asdict(part) for part in found]}


def _reset(on: Subject, options: dict) -> dict:
    """One-frame-ahead scores along the clip, with the memory wiped before frame `at` and without."""
    window = on.request.window
    length = max(3, min(RESET_FRAMES, window.most, int((on.request.seconds - window.start) * window.fps)))
    at = options.get("at")
    at = length // 2 if at is None else at
    if isinstance(at, bool) or not isinstance(at, int):
        raise RequestError(f"The frame before which to wipe must be a whole number, not {at!r}.")
    found = on.inspect(inspection.memory_reset, replace(window, seen=length - 1, horizon=1), at=at)
    numbers = {name: [round(v, 3) for v in getattr(found, name)] for name in ("psnr", "reset_psnr", "copy_psnr")}
    return numbers | {"at": at, "recovered": found.recovered, "within": inspection.reset.WITHIN}


def _sweep(on: Subject, options: dict) -> dict:
    """Quality against the number of frames seen, up to those of the window."""
    window = replace(on.request.window, horizon=1)
    found = on.inspect(inspection.sweep_seen, window, most=window.seen)
    return {
        "psnr": [round(v, 3) for v in found.psnr],
        "copy_psnr": round(found.copy_psnr, 3),
        "strip": data_url(png(film_strip(found.predictions))),
    }


def _saliency(on: Subject, options: dict) -> dict:
    """How strongly each seen pixel moves the first prediction, or a region of it [top, left, bottom, right]."""
    region = options.get("region") or [0, 0, 1, 1]
    if not isinstance(region, list) or len(region) != 4 or not all(isinstance(v, (int, float)) for v in region):
        raise RequestError("A region is four numbers: top, left, bottom, right, as shares of the frame.")
    found = on.inspect(inspection.saliency, seen=on.request.window.seen, region=tuple(region))
    sprite = heat(found.heat)
    return {
        "shares": [round(v, 4) for v in found.shares],
        "region": list(found.region),
        "size": list(found.heat.shape[1:]),
        "sprite": data_url(png(sprite.reshape(-1, sprite.shape[2]))),
    }


def _spectrum(on: Subject, options: dict) -> dict:
    """What the truth, the network and, where it is there, the paper's design look like in pixels and in frequencies.

    networks: for each, its name and title, the frame "size", the first predicted frame and the spectrum of all as
    pictures, its "grid" by period and "gain" in dB over repeating the last frame (mean of the steps). truth: the same
    pictures of what came, at the first network's size. range: dB from black to white in a spectrum.
    """
    paper = on.explorer.paper(on.request.file, on.request.window)
    networks, truth = [], None
    for rollout in [on.rollout()] + ([paper] if paper else []):
        found = inspection.compare_spectra(rollout)
        high = float(found.truth.max())
        truth = truth or _look(rollout.truth, found.truth, high)
        gains = np.subtract(rollout.scores["psnr"], rollout.scores["copy_last_psnr"])
        networks.append(
            {
                "name": rollout.model,
                "title": TITLES[rollout.model],
                "size": list(found.truth.shape),
                "grid": {str(period): round(value, 3) for period, value in found.grid.items()},
                "gain": round(float(gains.mean()), 3),
            }
            | _look(rollout.predictions, found.prediction, high)
        )
    return {"networks": networks, "truth": truth, "range": SPECTRUM_DB}


def _look(frames: np.ndarray, power: np.ndarray, high: float) -> dict[str, str]:
    """The first of some frames and the spectrum of all, white at `high` dB, as pictures."""
    grey = np.clip(((power - high) / SPECTRUM_DB + 1) * 255 + 0.5, 0, 255).astype(np.uint8)
    return {"frame": data_url(png(film_strip(frames[:1]))), "spectrum": data_url(png(grey))}


RESET_FRAMES = 17
SPECTRUM_DB = 80.0  # what is weaker by more than this than the strongest is black
EXPERIMENTS: dict[str, Callable[[Subject, dict], dict]] = {
    "ladder": _ladder,
    "silence": _silence,
    "importance": _importance,
    "reset": _reset,
    "sweep": _sweep,
    "saliency": _saliency,
    "spectrum": _spectrum,
}


def run_experiment(explorer: Explorer, store: RolloutStore, key: str, kind: str, options: dict) -> dict:
    """Run one on the window of a rollout. Raises RequestError for an unknown kind or key, and what the experiment
    raises."""
    if kind not in EXPERIMENTS:
        raise RequestError(f"There is no experiment {kind!r}: choose one of {', '.join(EXPERIMENTS)}.")
    on = Subject(explorer, store.request(key), lambda: store.get(key))
    return EXPERIMENTS[kind](on, options if isinstance(options, dict) else {})
