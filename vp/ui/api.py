"""The API: endpoints for gradio_client, the same functions that the page uses.

/predict      one network on one window of a video
/activations  one ConvGRU's filters at one step
/compare      the three networks on the same window
/classify     the action classifier on a whole clip

and one for each experiment of `vp.ui.experiments`.
"""

from __future__ import annotations

import gradio as gr
from PIL import Image

from vp import render
from vp.errors import RequestError
from vp.explorer import Explorer, Window
from vp.models import BLOCKS, DEFAULT, KERNELS, NAMES
from vp.rollout import QUANTITIES, Rollout

from .experiments import EXPERIMENTS
from .files import given_video, plain, written
from .handlers import MODEL, Handlers, shown
from .numbers import whole


class Endpoints:
    """What the endpoints call."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer

    def _run(
        self,
        path: str | None,
        model: str,
        start: float,
        fps: float,
        seen: float,
        horizon: float,
        size: str,
        trained: bool = True,
    ) -> Rollout:
        path = given_video(path)
        window = Window(model, start, whole(fps), whole(seen), whole(horizon), size)
        return self.explorer.predict(path, window, weights="trained" if trained else "untrained")

    @shown
    def predict(self, video, model=DEFAULT, start=0.0, fps=10, seen=5, horizon=3, size="own"):
        """Predict the next frames of a video. model: lvln, one_frame or full_res; start: seconds; fps: 25, 15, 10 or
        5; seen: 1 to 20 frames shown; horizon: 1 to 10 frames predicted; size: own or fine. Gives an mp4 and the
        scores.

        Args:
            video: a video file of up to two minutes, in any common format.
            model: "lvln", "one_frame" or "full_res".
            start: seconds into the video.
            fps: frame rate to resample to: 25, 15, 10 or 5.
            seen: frames shown to the network, 1 to 20.
            horizon: frames to predict, 1 to 10.
            size: "own" for frames of the size that the network was made for (128x160 for "lvln", else 64x96), "fine"
                for twice their height and width, by the same weights, in four times the time; there seen and horizon
                add up to 12 at most.

        Returns:
            An mp4 with truth, prediction and the repeated last frame side by side, and a JSON object with model, fps,
            seen, horizon, size (height and width in pixels), psnr, ssim, the same of the repeated last frame,
            copy_last_psnr and copy_last_ssim, and of the optical flow carried on, flow_psnr and flow_ssim (lists, one
            number a step that has a true frame; PSNR in dB), and seconds (time the network took).
        """
        rollout = self._run(video, model, start, fps, seen, horizon, size)
        out = written("prediction.mp4", lambda path: render.side_by_side_mp4(rollout, path, whole(fps)))
        return str(out), _numbers(rollout, whole(fps))

    @shown
    def activations(
        self,
        video,
        model=DEFAULT,
        start=0.0,
        fps=10,
        seen=5,
        horizon=3,
        block="C1",
        kernel="3x3",
        quantity="h",
        step=0,
        trained=True,
        size="own",
    ):
        """Show the filters of one ConvGRU at one step. Settings as in /predict, and block: C1 to C4; kernel: 3x3, 5x5
        or 7x7; quantity: h, dh, z, r or n; step: 0 to seen + horizon - 2. Gives a PNG and the filters' activity.

        Args:
            video: a video file; model, start, fps, seen, horizon and size as in /predict.
            block: "C1" (finest) to "C4" (coarsest).
            kernel: "3x3", "5x5" or "7x7".
            quantity: "h" state, "dh" its change, "z" update gate, "r" reset gate, "n" candidate state.
            step: 0 to seen + horizon - 2; step t is after frame t was read.
            trained: false for the same network before training.

        Returns:
            A PNG grid of all filters (blue below zero, white zero, red above, one scale for all), and a JSON object
            with model, block, kernel, quantity, step, steps, filters, height, width, minimum, maximum and activity
            (mean absolute value of every filter).
        """
        rollout = self._run(video, model, start, fps, seen, horizon, size, trained)
        for value, choices in ((block, BLOCKS), (kernel, KERNELS), (quantity, QUANTITIES)):
            if value not in choices:
                raise RequestError(f"{value!r} is not one of {', '.join(choices)}.")
        step = whole(step)
        if not 0 <= step < rollout.steps:
            raise RequestError(f"The step must be from 0 to {rollout.steps - 1}, not {step}.")
        values = rollout.activation(block, kernel, quantity)[step]
        out = written(f"{block}-{kernel}-{quantity}.png", Image.fromarray(render.filter_grid(values)).save)
        numbers = {"model": model, "block": block, "kernel": kernel, "quantity": quantity}
        numbers |= {"step": step, "steps": rollout.steps, "filters": len(values)}
        numbers |= {"height": values.shape[1], "width": values.shape[2]}
        numbers |= {"minimum": float(values.min()), "maximum": float(values.max())}
        return str(out), numbers | {"activity": [float(v) for v in abs(values).mean((1, 2))]}

    @shown
    def compare(self, video, start=0.0, fps=10, seen=5, horizon=3, size="own"):
        """Run all three networks on the same window of a video. Settings as in /predict. Gives the scores of each.

        Args:
            video: a video file; start, fps, seen, horizon and size as in /predict.

        Returns:
            A JSON object: for each of "lvln", "one_frame" and "full_res" the numbers that /predict returns.
        """
        return {name: _numbers(self._run(video, name, start, fps, seen, horizon, size), whole(fps)) for name in NAMES}

    @shown
    def classify(self, video):
        """Say which action a video shows, from what the memories see and move along it (its first half minute).

        Args:
            video: a video file of up to two minutes, in any common format.

        Returns:
            A JSON object with top (the likeliest class), unsure (whether not to trust it: its score is below 0.6, or
            nothing in training looked alike), familiar, distance (to the nearest training clip, above 1
            unfamiliar), scores (of all classes, calibrated, best first), course (of the best classes, a score for
            each frame at fps), evidence (how much each cue of each block raises the top class's score against the
            mean of all: the features that it reads, the states of its ConvGRUs, what they move), streams (the same of
            appearance and of motion), filters (those that say most), predictor (whose states are read) and seconds.
            Fails with a message where no classifier checkpoint is loaded.
        """
        from .classes import classification_numbers

        *_, result = self.explorer.classify(given_video(video))
        return classification_numbers(result, self.explorer.classifier().predictor.name)


def add_api(handlers: Handlers) -> None:
    """Register the endpoints in the surrounding `gr.Blocks`, behind components that the page never shows."""
    explorer = handlers.explorer
    endpoints = Endpoints(explorer)
    with gr.Row(visible=False):
        file = plain(gr.File(label="video"))
        number = {"precision": None}
        window = [
            gr.Number(0.0, label="start", **number),
            gr.Number(10, label="fps", **number),
            gr.Number(5, label="seen", **number),
            gr.Number(3, label="horizon", **number),
        ]
        model, size = gr.Textbox(DEFAULT, label="model"), gr.Textbox("own", label="size")
        which = [gr.Textbox("C1", label="block"), gr.Textbox("3x3", label="kernel"), gr.Textbox("h", label="quantity")]
        step = gr.Number(0, label="step", **number)
        trained = gr.Checkbox(True, label="trained")
        movie, picture = gr.File(label="side by side"), gr.File(label="filters")
        result = gr.JSON(label="numbers")
        for function, inputs, outputs in (
            (endpoints.predict, [file, model, *window, size], [movie, result]),
            (endpoints.activations, [file, model, *window, *which, step, trained, size], [picture, result]),
            (endpoints.compare, [file, *window, size], result),
            (endpoints.classify, [file], result),
        ):
            name = function.__name__
            gr.Button(name).click(function, inputs, outputs, api_name=name, **MODEL)

        settings = {component.label: component for component in (model, *window, size)}
        for name, experiment in EXPERIMENTS.items():
            own = {
                argument.name: gr.Textbox(argument.default, label=argument.name)
                if isinstance(argument.default, str)
                else gr.Number(argument.default, label=argument.name, **number)
                for argument in experiment.arguments
            }
            inputs = [(settings | own)[parameter] for parameter in experiment.parameters]
            inputs = inputs if experiment.network else [file, *inputs]
            outputs = [gr.File(label=experiment.file), result] if experiment.file else result
            gr.Button(name).click(shown(experiment.endpoint(explorer)), inputs, outputs, api_name=name, **MODEL)


def _numbers(rollout: Rollout, fps: int) -> dict:
    numbers = {"model": rollout.model, "fps": fps, "seen": rollout.seen, "horizon": rollout.horizon}
    numbers["size"] = list(rollout.predictions.shape[1:3])
    return numbers | rollout.scores | {"seconds": rollout.seconds}
