"""The experiments, each described once: see `vp.ui.registry` for what is made from that.

What they compute is `vp.inspection`'s; here is what they take, what they answer, and what the page draws of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
from PIL import Image

import vp
from vp import render
from vp.errors import RequestError
from vp.limits import MAX_SEEN
from vp.models import TITLES

from .payload import data_url
from .registry import Answer, Argument, Experiment, Subject
from .store import Request

RESET_FRAMES = 17
MAX_PARTS = 64
SPECTRUM_DB = 80.0  # what is weaker by more than this than the strongest is black
EXPERIMENTS: dict[str, Experiment] = {}
_REGION = tuple(
    Argument(side, default, f"{side} of a region of the frame, in shares of it")
    for side, default in (("top", 0.0), ("left", 0.0), ("bottom", 1.0), ("right", 1.0))
)


def experiment(**description: object) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Enter a function into `EXPERIMENTS` under its name, its docstring being what people and language models read.
    description: the other fields of `Experiment`."""

    def enter(run: Callable[..., Answer]) -> Callable[..., Answer]:
        summary, returns = (" ".join(text.split()) for text in run.__doc__.split("Returns:"))
        EXPERIMENTS[run.__name__] = Experiment(run.__name__, summary, returns, run, **description)
        return run

    return enter


@experiment(
    title="Silence a part",
    about="Switch parts of the network off and see what they were for. What is silenced is zero at every step: a "
    "block's three ConvGRUs, its convolution of the present frame (<em>now</em>), and in C3 and C4 the "
    "learned map that tells it where in the frame it is (<em>place</em>).",
    window=("seen", "horizon"),
    arguments=(Argument("parts", "C1.3x3", "paths of parts, separated by commas"),),
    file="silenced.mp4",
)
def silence(on: Subject, parts: str) -> Answer:
    """Predict with parts of the network silenced, and without. Settings as in /predict; parts: what to silence, by
    commas, e.g. "C2", "C2.skip", "C3.location", "C1.3x3" or filter 7 of it, "C1.3x3.7". Gives an mp4 and the dB
    that it costs.

    Returns:
        An mp4 of the prediction without them beside the truth, and a JSON object with model, parts, psnr,
        untouched_psnr (lists, dB, one number a step that has a true frame) and lost (their mean difference in dB,
        null without true frames).
    """
    chosen = [part.strip() for part in parts.split(",") if part.strip()]
    if not 1 <= len(chosen) <= MAX_PARTS:
        raise RequestError(f"Name 1 to {MAX_PARTS} parts to silence, separated by commas, e.g. C1.3x3, C4.skip.")
    on.explorer.predictor(on.window.model).masks(chosen)  # refuses what is not there before anything is predicted
    untouched = on.rollout
    silenced = on.explorer.silence(untouched, chosen)
    scores, before = silenced.scores["psnr"], untouched.scores["psnr"]
    return Answer(
        {
            "model": silenced.model,
            "parts": chosen,
            "psnr": scores,
            "untouched_psnr": before,
            "lost": float(np.mean(before) - np.mean(scores)) if scores else None,
        },
        lambda: {"strip": data_url(render.png(render.film_strip(silenced.predictions)))},
        lambda path: render.side_by_side_mp4(silenced, path, on.window.fps),
    )


@experiment(
    title="Which memory matters most here?",
    about="Each of the twelve ConvGRUs is silenced in turn, and each block's three together, for the first "
    "predicted frame of this clip. Where one alone costs little but its block much, the others stand in for "
    "it.",
    button="Silence each in turn",
    window=("seen",),
)
def importance(on: Subject) -> Answer:
    """Rank the twelve ConvGRUs, and the four blocks of three, by how much worse the first predicted frame gets when
    each is silenced.

    Returns:
        A JSON list, the most important first: part (such as "C1.3x3", or "C1" for all three of a block), lost (dB of
        PSNR, null where the clip ends) and change (root mean square difference to the untouched prediction, of 255).
    """
    return Answer([asdict(part) for part in on.inspect(vp.inspection.rank_convgrus, seen=on.window.seen)])


def _along_the_clip(request: Request) -> dict:
    window = request.window
    frames = max(3, min(RESET_FRAMES, window.most, int((request.seconds - window.start) * window.fps)))
    return {"frames": frames, "at": frames // 2}


@experiment(
    title="Wipe the memory",
    about="The clip is shown frame by frame, and at one of them the network forgets everything. Click another frame"
    " to wipe before it.",
    button="Wipe it in the middle",
    arguments=(
        Argument("frames", RESET_FRAMES, "frames of the clip to take, at the fine size to 12", 3, 21),
        Argument("at", 8, "frame before which every state is set to zero, 1 to frames - 2"),
    ),
    page=_along_the_clip,
)
def memory_reset(on: Subject, frames: int, at: int) -> Answer:
    """Show a clip frame by frame and wipe the network's memory on the way. frames: 3 to 21; at: the frame before
    which it is wiped, from 0. Gives the PSNR of each next frame, with and without.

    Returns:
        A JSON object with at, psnr, reset_psnr, copy_psnr (lists in dB) and recovered (frames until it is within 0.1
        dB of the untouched prediction and stays so, null if never).
    """
    reset = on.inspect(vp.inspection.memory_reset, replace(on.window, seen=frames - 1), at=at)
    return Answer({name: getattr(reset, name) for name in ("at", "psnr", "reset_psnr", "copy_psnr", "recovered")})


@experiment(
    title="How many frames does it need?",
    about="The same frame, predicted after seeing only the last one, the last two, and so on.",
    button="Show it fewer",
    arguments=(Argument("most", 5, "frames seen at most, at the fine size to 11", 1, MAX_SEEN),),
    page=lambda request: {"most": request.window.seen},
)
def seen_sweep(on: Subject, most: int) -> Answer:
    """Predict the same frame after seeing only the last one before it, the last two, up to `most`.

    Returns:
        A JSON object with psnr and ssim (lists: entry k is for k + 1 frames seen), copy_psnr and copy_ssim.
    """
    sweep = on.inspect(vp.inspection.sweep_seen, replace(on.window, seen=most), most=most)
    return Answer({name: getattr(sweep, name) for name in ("psnr", "ssim", "copy_psnr", "copy_ssim")})


def _look(frames: np.ndarray, power: np.ndarray, high: float) -> dict[str, str]:
    """The first of some frames and the spectrum of all, white at `high` dB, as pictures."""
    grey = np.clip(((power - high) / SPECTRUM_DB + 1) * 255 + 0.5, 0, 255).astype(np.uint8)
    return {"frame": data_url(render.png(render.film_strip(frames[:1]))), "spectrum": data_url(render.png(grey))}


@experiment(
    title="Is there a grid?",
    about="Pixel shuffle can leave a pattern that repeats every 2, 4 or 8 pixels. In the picture it hides; in the "
    "spectrum, coarse detail in the middle and fine detail outside, it stands at the marked places. Beside "
    "this network, one of the paper's design: it paints every frame anew instead of moving the "
    "last one.",
    button="Look at the spectrum",
    window=("seen", "horizon"),
    file="spectrum.npz",
)
def spectrum(on: Subject) -> Answer:
    """Compare the power spectra of predicted and true frames, and look for the grid that pixel shuffle can leave.

    Returns:
        An .npz with truth and prediction (power in dB, [h, w], frequency zero at [h // 2, w // 2]), and a JSON object
        with model and grid: for patterns that repeat every 2, 4 and 8 pixels, how many times the truth's energy the
        prediction has (1 is no grid). Where a network of the paper's design is there to compare with, the
        .npz has paper and the object paper_grid too.
    """
    rollouts = {"grid": on.rollout, "paper_grid": on.explorer.paper(on.request.file, on.window)}
    rollouts = {name: rollout for name, rollout in rollouts.items() if rollout is not None}
    spectra = {name: vp.inspection.compare_spectra(rollout) for name, rollout in rollouts.items()}
    # JSON has no numbers for names.
    grids = {name: {str(period): value for period, value in pair.grid.items()} for name, pair in spectra.items()}
    ours = spectra["grid"]

    def drawing() -> dict:
        networks = []
        for name, rollout in rollouts.items():
            gains = np.subtract(rollout.scores["psnr"], rollout.scores["copy_last_psnr"])
            about = {"title": TITLES[rollout.model], "size": list(spectra[name].truth.shape), "grid": grids[name]}
            looks = _look(rollout.predictions, spectra[name].prediction, float(spectra[name].truth.max()))
            networks.append(about | looks | {"gain": float(gains.mean())})
        truth = _look(on.rollout.truth, ours.truth, float(ours.truth.max()))
        return {"networks": networks, "truth": truth, "range": SPECTRUM_DB}

    arrays = {"truth": ours.truth, "prediction": ours.prediction}
    if "paper_grid" in spectra:
        arrays["paper"] = spectra["paper_grid"].prediction
    return Answer({"model": on.rollout.model} | grids, drawing, lambda path: np.savez_compressed(path, **arrays))


@experiment(
    title="Where does the prediction look?",
    about="How strongly each pixel it has seen moves the first predicted frame. Drag over the prediction to ask "
    "about a part of it.",
    button="Ask about the whole frame",
    window=("seen",),
    arguments=_REGION,
    file="saliency.png",
)
def saliency(on: Subject, top: float, left: float, bottom: float, right: float) -> Answer:
    """Show which seen pixels move the first predicted frame, or the part of it between top, left, bottom and right (0
    to 1).

    Returns:
        A PNG strip, one heat map a seen frame (brightness is the root of the sensitivity), and a JSON object with
        shares (each frame's part of the whole, adding up to 1) and region (in pixels).
    """
    region = (top, left, bottom, right)
    sensitivity = on.inspect(vp.inspection.saliency, seen=on.window.seen, region=region)
    heat = render.heat(sensitivity.heat)
    return Answer(
        {"shares": sensitivity.shares, "region": list(sensitivity.region)},
        lambda: {"size": list(heat.shape[1:]), "sprite": data_url(render.png(np.concatenate(heat)))},
        lambda path: Image.fromarray(np.concatenate(heat, axis=1)).save(path),
    )


@experiment(
    window=("seen", "horizon"),
    file="motion.npz",
    quick=True,
)
def motion(on: Subject) -> Answer:
    """Show what the network moves and what it paints, step by step, and how the motion is built up from coarse to
    fine by the memories C4 to C1.

    Returns:
        An .npz with flow [steps, h, w, 2] (pixels right and down, from the new frame back to the last one), mask
        [steps, h, w] (share painted rather than moved) and C4, C3, C2, C1: the flow as it stands after each of these
        levels, on its own grid, in pixels too. And a JSON object with model, steps, size, speed (mean length of the
        flow in pixels), painted (mean share) and gain (dB of each step's prediction over the frame that it read, null
        where the clip ends), lists of one number a step, and levels: in the order C4, C3, C2, C1 name, size, speed and
        gain of the read frame moved by that flow alone. Fails for a network that moves no pixels.
    """
    from .motion import location_payload, motion_drawing, motion_numbers

    rollout = on.rollout
    levels = vp.inspection.built_up(rollout)
    numbers = motion_numbers(rollout, levels)
    arrays = {"flow": rollout.flow, "mask": rollout.mask} | rollout.levels
    return Answer(
        numbers,
        lambda: (
            motion_drawing(rollout, levels)
            | {"locations": location_payload(on.explorer.predictor(rollout.model).model)}
        ),
        lambda path: np.savez_compressed(path, **{name: maps.astype(np.float16) for name, maps in arrays.items()}),
    )


@experiment(
    window=("seen", "horizon"),
    file="ladder.npz",
)
def ladder_map(on: Subject) -> Answer:
    """Show how strongly every stage of the network answers, place by place and step by step.

    Returns:
        An .npz with one array [steps, h, w] for each stage (root mean square over its channels), and a JSON object
        with model and stages: in the order of computation, name, channels, size and strength (mean at each step).
    """
    from .motion import moves_payload

    strengths = on.inspect(vp.inspection.ladder_map, seen=on.window.seen, horizon=on.window.horizon)
    stages = [
        {
            "name": name,
            "channels": strengths.channels[name],
            "size": list(maps.shape[1:]),
            "strength": [float(v) for v in maps.mean((1, 2))],
        }
        for name, maps in strengths.stages.items()
    ]

    def drawing() -> dict:
        """Every stage as a grey film strip from top to bottom, brightest where it answers most, its "range" from black
        to white. taps: the stages on the way down. moves: what each level adds to the motion, see `moves_payload`."""
        drawn = []
        for stage, maps in zip(stages, strengths.stages.values(), strict=True):
            # A memory may answer everywhere: what it says is in the differences.
            low, high = (float(v) for v in np.percentile(maps, (1, 99.5)))
            sprite = render.to_uint8((maps - low) / max(high - low, 1e-3)).reshape(-1, maps.shape[2])
            drawn.append(stage | {"range": [low, high], "sprite": data_url(render.png(sprite))})
        taps = [name for name in strengths.stages if not name.startswith(("C", "L"))]
        return {"stages": drawn, "taps": taps, "moves": moves_payload(on.rollout)}

    return Answer(
        {"model": on.window.model, "stages": stages},
        drawing,
        lambda path: np.savez_compressed(path, **strengths.stages),
    )


_FILTER = (
    Argument("block", "C1", "C1 (finest) to C4 (coarsest)"),
    Argument("kernel", "7x7", "of the ConvGRU: 3x3, 5x5 or 7x7"),
    Argument("filter", 0, "number of the filter, from 0"),
)


@experiment(
    window=("seen", "horizon"),
    arguments=(
        *_FILTER,
        Argument("step", 4, "from 0 to seen + horizon - 2; step t is after frame t was read"),
        Argument("row", 16, "of the map of the block, from 0"),
        Argument("column", 24, "of the map of the block, from 0"),
    ),
    file="one_number.npz",
    quick=True,
)
def one_number(on: Subject, block: str, kernel: str, filter: int, step: int, row: int, column: int) -> Answer:
    """Follow one number of a memory through the arithmetic of the ConvGRU that made it: what its kernels saw, their
    sums, the gates z and r, the candidate n, and the new state (1 - z) h + z n.

    Returns:
        An .npz with all that is summed up: input, state and reset_state [channels, k, k] under the kernel, for each of
        z, r and n the kernels and what each channel adds, and names, of the channels of the input. And a JSON object
        with model, part, step, row, column, before and after (the state), sums (for z, r and n: bias, total, value, and
        inputs and states: total, channels, and the strongest of these, each with name, adds, patch and kernel; the
        candidate reads the states times their reset gates), recorded (the same numbers as the network had them, in its
        precision), inside (which places under the kernel lie within the map), field (top, left, bottom and right of the
        part of the frame that it looks at, in pixels) and displacement (pixels right and down, from there back to where
        its match was found in the frame before; null for a network that matches nothing).
    """
    from . import explanations

    number = on.explorer.explain(on.rollout, block, kernel, filter, step=step, row=row, column=column)
    return Answer(
        {"model": on.rollout.model} | explanations.number_numbers(number),
        lambda: explanations.number_drawing(number),
        lambda path: np.savez_compressed(path, **explanations.number_arrays(number)),
    )


@experiment(arguments=_FILTER, network=True, quick=True)
def one_filter(on: Subject, block: str, kernel: str, filter: int) -> Answer:
    """Say what one filter of a memory answers to: the moments of the drawn clips at which it is largest, what a
    prediction loses without it, and which motion it speaks for.

    Returns:
        A JSON object with model, part, clips (in the index), moments (of the state h, the update gate z and the change
        dh: the largest first, at most one a clip, each with clip, start, step, time, row, column, value, and y and x in
        shares of the frame), lost (dB that the next frame loses without it, by clip), mean_lost and polar, the mean
        state by the motion at the same place: activation [sizes, directions] (null where nothing moved so), count,
        sizes (pixels a frame from which each counts), directions (degrees, 0 to the right, 90 up) and still (the mean
        where nothing moved); null for a network that matches nothing. Fails for a network that has no index.
    """
    from . import explanations

    profile = vp.inspection.filter_profile(on.explorer.index(on.window.model), block, kernel, filter)
    index, ladder = on.explorer.index(on.window.model), on.explorer.predictor(on.window.model).model.config
    numbers = explanations.filter_numbers(profile, len({passage.clip for passage in index.passages}), ladder)
    clips = {one["clip"] for moments in numbers["moments"].values() for one in moments} | set(numbers["lost"])
    return Answer(
        {"model": on.window.model} | numbers, lambda: {"titles": explanations.titles(on.explorer, sorted(clips))}
    )


@experiment(
    window=("seen", "horizon"),
    arguments=(
        *_FILTER,
        Argument("first", 1, "first step of the stretch, from 0"),
        Argument("last", 6, "last step of the stretch, at least 2 after the first"),
        *_REGION,
    ),
    quick=True,
)
def one_moment(
    on: Subject,
    block: str,
    kernel: str,
    filter: int,
    first: int,
    last: int,
    top: float,
    left: float,
    bottom: float,
    right: float,
) -> Answer:
    """Mark a stretch of time, and a part of the frame, and find the filters of all blocks that run most like this one
    there, and the clips and times at which it does so again.

    Returns:
        A JSON object with model, marked (part and curve: the mean state in that part of the frame at each step), others
        (the most alike or most opposed first: part, curve and correlation), again (stretches of indexed clips: clip,
        start, step, time, curve of the mean over the whole map, and correlation; null where there is no index) and
        missing (why, in words, else null).
    """
    from . import explanations

    region, request = (top, left, bottom, right), on.request
    clip = (request.clip_id, on.window.start) if request.clip_id else None
    numbers = explanations.moment_numbers(
        on.explorer, on.rollout, (block, kernel, filter), first, last, region, on.window.fps, clip
    )
    clips = sorted({one["clip"] for one in numbers["again"] or ()})
    return Answer(
        {"model": on.rollout.model} | numbers,
        lambda: {
            "titles": explanations.titles(on.explorer, clips),
            "course": explanations.course(on.rollout, (block, kernel, filter), region),
        },
    )
