"""What an experiment is: described once, and from that its endpoint, its MCP tool, its card on the page and its link.

`vp.ui.experiments` has them all, a module each. Nothing here or there imports PyTorch before an experiment is run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from vp import video
from vp.errors import RequestError
from vp.explorer import Explorer, Window
from vp.models import NAMES
from vp.rollout import Rollout

from .files import given_video, written
from .numbers import real, whole
from .store import Request, RolloutStore

T = TypeVar("T")
# Settings of a window that every experiment takes, with their defaults, and two that some take. The size comes last.
_WINDOW = asdict(Window())
BEFORE, FRAMES, SIZE = (
    {name: _WINDOW[name] for name in names} for names in (("model", "start", "fps"), ("seen", "horizon"), ("size",))
)


@dataclass(frozen=True)
class Argument:
    """A setting of an experiment beside those of its window, of the type of its default: str, float, or int from
    `least` to `most`. help: for people and language models."""

    name: str
    default: str | float | int
    help: str
    least: int | None = None
    most: int | None = None

    def read(self, value: object) -> str | float | int:
        """A value as it arrives from strangers. Raises RequestError."""
        if isinstance(self.default, str):
            return str(value or "")
        if isinstance(self.default, float):
            return real(value)
        number = whole(value)
        if self.most is not None and not self.least <= number <= self.most:
            raise RequestError(f"{self.name} must be from {self.least} to {self.most}, not {number}.")
        return number


# What several experiments ask for.
REGION = tuple(
    Argument(side, default, f"{side} of a region of the frame, in shares of it")
    for side, default in (("top", 0.0), ("left", 0.0), ("bottom", 1.0), ("right", 1.0))
)
FILTER = (
    Argument("block", "C1", "C1 (finest) to C4 (coarsest)"),
    Argument("kernel", "7x7", "of the ConvGRU: 3x3, 5x5 or 7x7"),
    Argument("filter", 0, "number of the filter, from 0"),
)


@dataclass(frozen=True)
class Answer:
    """What an experiment found. numbers: JSON, what its endpoint returns and the page gets. drawing: what the page
    draws besides, as a dictionary. save: writes the file that the endpoint returns, to a path."""

    numbers: dict | list
    drawing: Callable[[], dict] = dict
    save: Callable[[Path], object] | None = None


class Subject:
    """What an experiment is made on: a window of a video, and the prediction of it, made when it is asked for."""

    def __init__(self, explorer: Explorer, request: Request, predict: Callable[[], Rollout]) -> None:
        self.explorer, self.request, self._predict = explorer, request, predict

    @property
    def window(self) -> Window:
        return self.request.window

    @cached_property
    def rollout(self) -> Rollout:
        return self._predict()

    def inspect(self, experiment: Callable[..., T], window: Window | None = None, **options: object) -> T:
        """An experiment of `vp.inspection` on the window, or on another one of the video."""
        return self.explorer.inspect(experiment, self.request.file, window or self.window, **options)


@dataclass(frozen=True)
class Experiment:
    """One experiment. name: of its endpoint, its tool, its card and in links; summary: what it does; returns: what the
    endpoint returns, in words. order: its place among the cards and in the API.

    title, about, button: what its card on the page says; without a title it has none. window: which of "seen" and
    "horizon" it takes. file: name of the file that the endpoint returns.
    page: what the arguments are on the page where nobody said, from the request on show. network: it asks about a
    network alone and takes no video. quick: it answers in a blink, so that on the page it need not wait in the line of
    the predictions.
    """

    name: str
    summary: str
    returns: str
    run: Callable[..., Answer]
    order: int
    title: str = ""
    about: str = ""
    button: str = ""
    window: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()
    file: str | None = None
    page: Callable[[Request], dict] = lambda request: {}
    network: bool = False
    quick: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        """Settings of the endpoint behind the video, with their defaults."""
        own = {argument.name: argument.default for argument in self.arguments}
        if self.network:
            return {"model": _WINDOW["model"]} | own
        return BEFORE | {name: FRAMES[name] for name in self.window} | own | SIZE

    @property
    def documentation(self) -> str:
        """As Gradio reads it, for the API page and MCP."""
        settings = ", ".join((*BEFORE, *self.window))
        limits = {a.name: "" if a.most is None else f", {a.least} to {a.most}" for a in self.arguments}
        lines = [f"    {a.name}: {a.help}{limits[a.name]}." for a in self.arguments]
        video = f"    video: a video file; {settings} and size as in /predict."
        names = ", ".join(f'"{name}"' for name in NAMES)
        return "\n".join(
            [
                self.summary,
                "",
                "Args:",
                f"    model: one of {names}." if self.network else video,
                *lines,
                "",
                "Returns:",
                f"    {self.returns}",
            ]
        )

    def ask(self, on: Subject, values: dict) -> Answer:
        """Run it on a window. values: of its arguments, as they arrive. Raises RequestError for those, and whatever the
        experiment raises."""
        if "horizon" not in self.window:
            request = replace(on.request, window=replace(on.window, horizon=1))
            on = Subject(on.explorer, request, on._predict)
        return self.run(on, **{a.name: a.read(values.get(a.name, a.default)) for a in self.arguments})

    def endpoint(self, explorer: Explorer) -> Callable[..., object]:
        """The function of the API: a video, if it takes one, and `parameters` in; the numbers, behind the file if there
        is one, out."""

        def subject(path: str | None, settings: dict) -> Subject:
            path = given_video(path)
            frames = {name: whole(settings[name]) for name in self.window}
            window = Window(
                settings["model"], settings["start"], whole(settings["fps"]), **frames, size=settings["size"]
            )
            request = Request(path, video.probe(path).seconds, "the video", None, window)
            return Subject(explorer, request, lambda: explorer.predict(path, window))

        def function(*values: object) -> object:
            path, values = (None, values) if self.network else (values[0], values[1:])
            settings = self.parameters | dict(zip(self.parameters, values, strict=False))
            if self.network:
                window = Window(settings["model"])
                window.check()
                on = Subject(explorer, Request("", 0.0, "", None, window), lambda: explorer.predict("", window))
            else:
                on = subject(path, settings)
            answer = self.ask(on, settings)
            if answer.save is None:
                return answer.numbers
            return str(written(self.file, answer.save)), answer.numbers

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        function.__signature__ = inspect.Signature(
            [inspect.Parameter("video", kind)] * (not self.network)
            + [inspect.Parameter(name, kind, default=value) for name, value in self.parameters.items()]
        )
        function.__name__, function.__doc__ = self.name, self.documentation
        return function


def experiment(**description: object) -> Callable[[Callable[..., Answer]], Experiment]:
    """Make a function an experiment of its name, its docstring being what people and language models read.
    description: the other fields of `Experiment`."""

    def described(run: Callable[..., Answer]) -> Experiment:
        summary, returns = (" ".join(text.split()) for text in run.__doc__.split("Returns:"))
        return Experiment(run.__name__, summary, returns, run, **description)

    return described


def ask_for_page(experiment: Experiment, explorer: Explorer, store: RolloutStore, key: str, options: dict) -> dict:
    """An experiment on the window of a rollout that the page shows (computed again, should it have been dropped): the
    numbers of its endpoint, a list of them by the experiment's name, and what the page draws. Raises as `ask`."""
    request = store.request(key)
    on = Subject(explorer, request, lambda: store.get(key))
    answer = experiment.ask(on, experiment.page(request) | options)
    numbers = answer.numbers if isinstance(answer.numbers, dict) else {experiment.name: answer.numbers}
    return numbers | answer.drawing()
