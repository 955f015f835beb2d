"""Experiments for gradio_client.

/silence       a prediction without some parts of the network
/importance    which memory matters most
/memory_reset  the memory wiped in the middle of a clip
/seen_sweep    quality against the number of frames seen
/saliency      which seen pixels a prediction depends on
/spectrum      whether a prediction has a grid
/motion        what a network moves, level by level, and what it paints
/ladder_map    how strongly every stage of the network answers
"""

from __future__ import annotations

from dataclasses import asdict

import gradio as gr
import numpy as np
from PIL import Image

import vp
from vp import render
from vp.errors import RequestError
from vp.explorer import Explorer, Window

from .files import given_video, new_file
from .handlers import MODEL, shown
from .numbers import real, whole


def add_experiments(
    explorer: Explorer,
    file: gr.File,
    model: gr.Textbox,
    window: list[gr.Number],
    size: gr.Textbox,
    picture: gr.File,
    result: gr.JSON,
) -> None:
    """Register the endpoints. file, model, window (start, fps, seen, horizon), size: components of the other ones."""

    @shown
    def silence(video, model="one_frame", start=0.0, fps=10, seen=5, horizon=3, parts="C1.3x3", size="own"):
        """Predict with parts of the network silenced, and without. Settings as in /predict; parts: what to silence, by
        commas, e.g. "C2", "C2.skip", "C3.location", "C1.3x3" or filter 7 of it, "C1.3x3.7". Gives an mp4 and the dB
        that it costs.

        Args:
            video: a video file; model, start, fps, seen, horizon and size as in /predict.
            parts: paths of parts, separated by commas.

        Returns:
            An mp4 of the prediction without them beside the truth, and a JSON object with model, parts, psnr,
            untouched_psnr (lists, dB, one number a step that has a true frame) and lost (their mean difference in dB,
            null without true frames).
        """
        path, place = given_video(video), Window(model, start, whole(fps), whole(seen), whole(horizon), size)
        chosen = [part.strip() for part in str(parts or "").split(",") if part.strip()]
        if not 1 <= len(chosen) <= 64:
            raise RequestError("Name 1 to 64 parts to silence, separated by commas, e.g. C1.3x3, C4.skip.")
        explorer.predictor(place.model).kept(chosen)  # refuses a part that is not there before anything is predicted
        plain = explorer.predict(path, place)
        hurt = explorer.silence(plain, chosen)
        out = render.side_by_side_mp4(hurt, new_file("silenced.mp4"), place.fps)
        scores, untouched = hurt.scores["psnr"], plain.scores["psnr"]
        lost = float(np.mean(untouched) - np.mean(scores)) if scores else None
        return str(out), {
            "model": model,
            "parts": chosen,
            "psnr": scores,
            "untouched_psnr": untouched,
            "lost": lost,
        }

    @shown
    def importance(video, model="one_frame", start=0.0, fps=10, seen=5, size="own"):
        """Rank the twelve ConvGRUs, and the four blocks of three, by how much worse the first predicted frame gets when
        each is silenced.

        Args:
            video: a video file; model, start, fps, seen and size as in /predict.

        Returns:
            A JSON list, the most important first: part (such as "C1.3x3", or "C1" for all three of a block), lost (dB
            of PSNR, null where the clip ends) and change (root mean square difference to the untouched prediction, of
            255).
        """
        place = Window(model, start, whole(fps), whole(seen), 1, size)
        found = explorer.inspect(vp.inspection.rank_convgrus, given_video(video), place, seen=place.seen)
        return [asdict(part) for part in found]

    @shown
    def memory_reset(video, model="one_frame", start=0.0, fps=10, frames=17, at=8, size="own"):
        """Show a clip frame by frame and wipe the network's memory on the way. frames: 3 to 21; at: the frame before
        which it is wiped, from 0. Gives the PSNR of each next frame, with and without.

        Args:
            video: a video file; model, start, fps and size as in /predict.
            frames: frames of the clip to take, 3 to 21, at the fine size to 12.
            at: frame before which every state is set to zero, 1 to frames - 2.

        Returns:
            A JSON object with at, psnr, reset_psnr, copy_psnr (lists in dB) and recovered (frames until it is within
            0.1 dB of the untouched prediction and stays so, null if never).
        """
        if not 3 <= (length := whole(frames)) <= 21:
            raise RequestError(f"The number of frames must be from 3 to 21, not {length}.")
        place = Window(model, start, whole(fps), length - 1, 1, size)
        found = explorer.inspect(vp.inspection.memory_reset, given_video(video), place, at=whole(at))
        numbers = asdict(found)
        return {key: numbers[key] for key in ("at", "psnr", "reset_psnr", "copy_psnr", "recovered")}

    @shown
    def seen_sweep(video, model="one_frame", start=0.0, fps=10, most=5, size="own"):
        """Predict the same frame after seeing only the last one before it, the last two, up to `most`.

        Args:
            video: a video file; model, start, fps and size as in /predict.
            most: frames seen at most, 1 to 20, at the fine size to 11.

        Returns:
            A JSON object with psnr and ssim (lists: entry k is for k + 1 frames seen), copy_psnr and copy_ssim.
        """
        place = Window(model, start, whole(fps), whole(most), 1, size)
        numbers = asdict(explorer.inspect(vp.inspection.sweep_seen, given_video(video), place, most=place.seen))
        return {key: numbers[key] for key in ("psnr", "ssim", "copy_psnr", "copy_ssim")}

    @shown
    def saliency(
        video, model="one_frame", start=0.0, fps=10, seen=5, top=0.0, left=0.0, bottom=1.0, right=1.0, size="own"
    ):
        """Show which seen pixels move the first predicted frame, or the part of it between top, left, bottom and right
        (0 to 1).

        Args:
            video: a video file; model, start, fps, seen and size as in /predict.
            top, left, bottom, right: a region of the prediction, in shares of the frame.

        Returns:
            A PNG strip, one heat map a seen frame (brightness is the root of the sensitivity), and a JSON object with
            shares (each frame's part of the whole, adding up to 1) and region (in pixels).
        """
        place = Window(model, start, whole(fps), whole(seen), 1, size)
        region = tuple(real(value) for value in (top, left, bottom, right))
        found = explorer.inspect(vp.inspection.saliency, given_video(video), place, seen=place.seen, region=region)
        out = new_file("saliency.png")
        Image.fromarray(np.concatenate(list(render.heat(found.heat)), axis=1)).save(out)
        return str(out), {"shares": found.shares, "region": list(found.region)}

    @shown
    def spectrum(video, model="one_frame", start=0.0, fps=10, seen=5, horizon=3, size="own"):
        """Compare the power spectra of predicted and true frames, and look for the grid that pixel shuffle can leave.

        Args:
            video: a video file; model, start, fps, seen, horizon and size as in /predict.

        Returns:
            An .npz with truth and prediction (power in dB, [h, w], frequency zero at [h // 2, w // 2]), and a JSON
            object with model and grid: for patterns that repeat every 2, 4 and 8 pixels, how many times the truth's
            energy the prediction has (1 is no grid). Where a network of the paper's design is there to compare
            with, the .npz has paper and the object paper_grid too.
        """
        place, path = Window(model, start, whole(fps), whole(seen), whole(horizon), size), given_video(video)
        found = vp.inspection.compare_spectra(explorer.predict(path, place))
        arrays, numbers = (
            {"truth": found.truth, "prediction": found.prediction},
            {"model": model, "grid": _named(found)},
        )
        if (rollout := explorer.paper(path, place)) is not None:
            paper = vp.inspection.compare_spectra(rollout)
            arrays["paper"], numbers["paper_grid"] = paper.prediction, _named(paper)
        out = new_file("spectrum.npz")
        np.savez_compressed(out, **arrays)
        return str(out), numbers

    @shown
    def motion(video, model="one_frame", start=0.0, fps=10, seen=5, horizon=3, size="own"):
        """Show what the network moves and what it paints, step by step, and how the motion is built up from coarse to
        fine by the memories C4 to C1.

        Args:
            video: a video file; model, start, fps, seen, horizon and size as in /predict.

        Returns:
            An .npz with flow [steps, h, w, 2] (pixels right and down, from the new frame back to the last one), mask
            [steps, h, w] (share painted rather than moved) and C4, C3, C2, C1: the flow as it stands after each of
            these levels, on its own grid, in pixels too. And a JSON object with model, steps, size, speed (mean length
            of the flow in pixels), painted (mean share) and gain (dB of each step's prediction over the frame that it
            read, null where the clip ends), lists of one number a step, and levels: in the order C4, C3, C2, C1, head
            (the last refinement, by at most a pixel) name, size, speed and gain of the read frame moved by that flow
            alone.
            Fails for a network that moves no pixels.
        """
        from .motion import NO_FLOW

        place = Window(model, start, whole(fps), whole(seen), whole(horizon), size)
        rollout = explorer.predict(given_video(video), place)
        if rollout.flow is None or rollout.mask is None:
            raise RequestError(NO_FLOW)
        arrays = {"flow": rollout.flow, "mask": rollout.mask} | rollout.levels
        out = new_file("motion.npz")
        np.savez_compressed(out, **{name: maps.astype(np.float16) for name, maps in arrays.items()})
        return str(out), {
            "model": model,
            "steps": rollout.steps,
            "size": list(rollout.mask.shape[1:]),
            "speed": _speed(rollout.flow),
            "painted": [float(v) for v in rollout.mask.mean((1, 2))],
            "gain": vp.inspection.predicted_gain(rollout),
            "levels": [
                {
                    "name": level.name,
                    "size": list(level.flow.shape[1:3]),
                    "speed": _speed(level.flow),
                    "gain": level.gain,
                }
                for level in vp.inspection.built_up(rollout)
            ],
        }

    @shown
    def ladder_map(video, model="one_frame", start=0.0, fps=10, seen=5, horizon=3, size="own"):
        """Show how strongly every stage of the network answers, place by place and step by step.

        Args:
            video: a video file; model, start, fps, seen, horizon and size as in /predict.

        Returns:
            An .npz with one array [steps, h, w] for each stage (root mean square over its channels), and a JSON object
            with model and stages: in the order of computation, name, channels, size and strength (mean at each step).
        """
        place = Window(model, start, whole(fps), whole(seen), whole(horizon), size)
        found = explorer.inspect(
            vp.inspection.ladder_map, given_video(video), place, seen=place.seen, horizon=place.horizon
        )
        out = new_file("ladder.npz")
        np.savez_compressed(out, **found.stages)
        stages = [
            {
                "name": name,
                "channels": found.channels[name],
                "size": list(maps.shape[1:]),
                "strength": [float(v) for v in maps.mean((1, 2))],
            }
            for name, maps in found.stages.items()
        ]
        return str(out), {"model": model, "stages": stages}

    start, fps, seen, horizon = window
    parts = gr.Textbox("C1.3x3", label="parts")
    frames, at, most = (
        gr.Number(value, label=label, precision=None) for label, value in (("frames", 17), ("at", 8), ("most", 5))
    )
    region = [
        gr.Number(value, label=label, precision=None)
        for label, value in (("top", 0.0), ("left", 0.0), ("bottom", 1.0), ("right", 1.0))
    ]
    movie, arrays = gr.File(label="without the parts"), gr.File(label="arrays")
    for name, function, inputs, outputs in (
        ("silence", silence, [file, model, start, fps, seen, horizon, parts, size], [movie, result]),
        ("importance", importance, [file, model, start, fps, seen, size], result),
        ("memory_reset", memory_reset, [file, model, start, fps, frames, at, size], result),
        ("seen_sweep", seen_sweep, [file, model, start, fps, most, size], result),
        ("saliency", saliency, [file, model, start, fps, seen, *region, size], [picture, result]),
        ("spectrum", spectrum, [file, model, *window, size], [arrays, result]),
        ("motion", motion, [file, model, *window, size], [arrays, result]),
        ("ladder_map", ladder_map, [file, model, *window, size], [arrays, result]),
    ):
        gr.Button(name).click(function, inputs, outputs, api_name=name, **MODEL)


def _speed(flow: np.ndarray) -> list[float]:
    """Mean length in pixels at each step."""
    return [float(v) for v in np.hypot(flow[..., 0], flow[..., 1]).mean((1, 2))]


def _named(found: vp.inspection.Spectra) -> dict[str, float]:
    """The grid by period; JSON has no numbers for names."""
    return {str(period): value for period, value in found.grid.items()}
