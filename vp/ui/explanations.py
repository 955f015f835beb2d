"""One number, one filter, one moment: what `vp.inspection` found, as JSON for the API and pictures for the page.

A filter's path is its "part": Gradio takes every object with a "path" for a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from vp import inspection, render, video
from vp.errors import ExplorerError, RequestError
from vp.explorer import Explorer
from vp.inspection import FilterProfile, Number, Sum
from vp.limits import FPS
from vp.models import BLOCKS, LadderConfig
from vp.rollout import Rollout

from .motion import packed
from .numbers import real, whole
from .payload import data_url

STRONGEST = 5  # channels of a sum that are shown, of the input and of the state
CROP = (96, 144)  # pixels, of half the frame's height and width, or of the whole
BEFORE, AFTER = 4, 2  # frames of a crop around its moment
CROPS = 8  # at once


def number_numbers(number: Number) -> dict:
    """The JSON object of /one_number."""
    states = [f"{number.path.rpartition('.')[0]}.{channel}" for channel in range(len(number.state))]

    def described(name: str, terms: Sum) -> dict:
        state = number.reset_state if name == "n" else number.state
        sides = {
            "inputs": (number.names, number.input, terms.input_kernel, terms.from_inputs, terms.strongest_inputs),
            "states": (states, state, terms.state_kernel, terms.from_states, terms.strongest_states),
        }
        return {
            "bias": terms.bias,
            "total": terms.total,
            "value": terms.value,
            **{
                side: {
                    "total": float(adds.sum()),
                    "channels": len(adds),
                    "strongest": [
                        {
                            "name": names[channel],
                            "adds": float(adds[channel]),
                            "patch": _short(patches[channel]),
                            "kernel": _short(kernels[channel]),
                        }
                        for channel in map(int, order[:STRONGEST])
                    ],
                }
                for side, (names, patches, kernels, adds, order) in sides.items()
            },
        }

    return {
        "part": number.path,
        "step": number.step,
        "row": number.row,
        "column": number.column,
        "sums": {name: described(name, terms) for name, terms in number.sums.items()},
        "before": number.before,
        "after": number.after,
        "recorded": number.recorded,
        "inside": number.inside.tolist(),
        "field": list(number.field),
        "displacement": None if number.displacement is None else list(number.displacement),
    }


def number_arrays(number: Number) -> dict[str, np.ndarray]:
    """The .npz of /one_number: all that was summed up."""
    arrays = {"names": np.array(number.names), "input": number.input, "state": number.state}
    arrays["reset_state"] = number.reset_state
    for name, terms in number.sums.items():
        for part in ("input_kernel", "state_kernel", "from_inputs", "from_states"):
            arrays[f"{part}_{name}"] = getattr(terms, part)
    return arrays


def number_drawing(number: Number) -> dict:
    """What the page needs for other places of the map. reach: see `Number`. motion: where things went since the frame
    before, at each place of the map, as in `motion.packed`; None for a network that matches nothing."""
    motion = None if number.displacements is None else packed(-number.displacements[None])
    return {"reach": list(number.reach), "motion": motion}


def filter_numbers(profile: FilterProfile, clips: int, ladder: LadderConfig) -> dict:
    """The JSON object of /one_filter but for its model. clips: of the index."""
    stride = ladder.strides[BLOCKS.index(profile.path.split(".")[0])]
    height, width = ladder.size
    moments = {
        quantity: [
            asdict(one)
            | {"time": one.time, "y": (one.row + 0.5) * stride / height, "x": (one.column + 0.5) * stride / width}
            for one in moments
        ]
        for quantity, moments in profile.moments.items()
    }
    polar = profile.polar and {
        "sizes": list(profile.polar.sizes),
        "directions": list(profile.polar.directions),
        "activation": [[v if np.isfinite(v) else None for v in row] for row in profile.polar.activation.tolist()],
        "count": profile.polar.count.tolist(),
        "still": profile.polar.still if np.isfinite(profile.polar.still) else None,
    }
    return {
        "part": profile.path,
        "clips": clips,
        "moments": moments,
        "lost": profile.lost,
        "mean_lost": profile.mean_lost,
        "polar": polar,
    }


def moment_numbers(
    explorer: Explorer,
    rollout: Rollout,
    path: tuple,
    first: int,
    last: int,
    region: tuple,
    fps: int,
    clip: tuple | None,
) -> dict:
    """The JSON object of /one_moment but for its model. path: block, kernel and filter; clip: (id, start in seconds) of
    the rollout, if it has an id."""
    similar = inspection.alike(rollout, *path, first=first, last=last, region=region)
    again, missing = None, None
    # The index knows means over the whole map.
    curve = inspection.course(rollout, *path)[first : last + 1]
    marked = (clip[0], clip[1] + first / fps) if clip else None
    try:
        again = [
            asdict(one) | {"time": one.time, "curve": _short(one.curve)}
            for one in inspection.again(explorer.index(rollout.model), *path, curve, fps=fps, marked=marked)
        ]
    except ExplorerError as error:
        missing = str(error)
    return {
        "marked": {"part": similar.marked.path, "curve": _short(similar.marked.curve)},
        "others": [
            {"part": one.path, "curve": _short(one.curve), "correlation": one.correlation} for one in similar.others
        ],
        "again": again,
        "missing": missing,
    }


def course(rollout: Rollout, path: tuple, region: tuple) -> list[float]:
    """The mean state of a filter in a part of the frame at every step of a rollout, for the page."""
    return _short(inspection.course(rollout, *path, region))


def titles(explorer: Explorer, ids: Iterable[str]) -> dict[str, str]:
    """Names of clips for people, those of a shelf that nobody has opened by their ids."""
    names = {}
    for id in ids:
        try:
            names[id] = explorer.clip(id)[1].name
        except ExplorerError:
            names[id] = id
    return names


def crop(explorer: Explorer, id: str, time: float, y: float | None = None, x: float | None = None) -> dict:
    """Frames of a clip around a moment, half as high and wide as the clip around a place, or whole: a film strip.

    time: seconds; y, x: shares of the frame. now: the frame of the moment; y, x: the place in the crop. Raises
    RequestError, ClipError or VideoError.
    """
    shelf, clip = explorer.clip(str(id))
    time = real(time)
    if time < 0:
        raise RequestError(f"A moment lies from 0 seconds on, not at {time:g}.")
    at = whole(round(time * FPS))
    first = max(0, at - BEFORE)
    whole_frame = y is None or x is None
    size = CROP if whole_frame else (2 * CROP[0], 2 * CROP[1])
    window = {"start": first / FPS, "frames": at - first + 1 + AFTER, "size": size}
    frames = video.read(shelf.clips.path(clip.id), fps=FPS, **window)
    place = {"y": None, "x": None}
    if not whole_frame:
        corner = [min(max(real(share) - 0.25, 0.0), 0.5) for share in (y, x)]
        place = {name: 2 * (real(share) - low) for name, share, low in zip("yx", (y, x), corner, strict=True)}
        top, left = (round(low * side) for low, side in zip(corner, size, strict=True))
        frames = frames[:, top : top + CROP[0], left : left + CROP[1]]
    strip = data_url(render.jpeg(np.concatenate(list(frames), axis=1)), "image/jpeg")
    return {"strip": strip, "count": len(frames), "now": min(at - first, len(frames) - 1), "size": list(CROP), **place}


def _short(values: np.ndarray) -> list:
    """Numbers of four digits, which is what a picture of them needs."""
    exact = values.astype(np.float64)
    digits = 10.0 ** (3 - np.floor(np.log10(np.maximum(np.abs(exact), 1e-6))))
    return (np.round(exact * digits) / digits).tolist()
