"""What happens on the page: what each event asks Python for, and where the answer goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import gradio as gr
from gradio.components import Component

from vp.errors import ExplorerError
from vp.explorer import Window

from .about import about
from .handlers import MODEL, Handlers, shown
from .store import Request

FETCHES = 8  # clips that may come from the Hub at the same time
BUSY = "() => { lvln.busy('Predicting'); }"
READING = "(file) => { lvln.busy('Reading your video'); return file; }"
LOADING = {"waiting": "Loading the network"}
PAINTED = "async () => { await lvln.afterPaint(); return null; }"  # the player can wait for the pictures
IDLE = "() => { lvln.busy(false); }"
QUIET = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Components:
    """Those of the page that events read or fill. clip: the `Request` on show, link: behind the # of the address, wire:
    through which Python and the scripts talk, settings: those of a `Window`, in its order."""

    clip: gr.State
    link: Component
    wire: gr.HTML
    trouble: Component
    uploaded: Component
    recorded: Component
    player: Component
    settings: tuple[Component, ...]
    about_tab: gr.Tab
    about_text: Component

    @property
    def start(self) -> Component:
        return self.settings[1]


class Events:
    """What events call in Python."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers, self.explorer = handlers, handlers.explorer

    def show(self, request: Request) -> Iterator[tuple[dict, dict]]:
        """What a request brings to the wire and to the start: the rollout, and how far the clip allows."""
        window = request.window
        if not self.explorer.has(window.model):
            yield LOADING, gr.skip()
        rollout = self.handlers.predict(request)
        latest = self.handlers.latest_start(request, window.fps, window.seen, window.horizon)
        yield {"rollout": rollout}, gr.Slider(maximum=max(0.1, latest))

    @shown
    def predict(
        self, request: Request | None, model: str, start: float, fps: int, seen: int, horizon: int, size: str
    ) -> Iterator[tuple]:
        if request is None:
            raise gr.Error("Choose a clip or upload a video first.", print_exception=False)
        window = Window(model, float(start), int(fps), int(seen), int(horizon), size)
        yield from self.show(replace(request, window=window))

    @shown
    def pick(self, model: str, fps: int, seen: int, horizon: int, size: str, event: gr.EventData) -> Iterator[tuple]:
        # One event from the click to the picture: each further one takes the browser as long as the network.
        for step in self.handlers.picking(event._data.get("id")):
            if isinstance(step, float):
                yield {"arrived": step}, gr.skip(), gr.skip()
            else:
                yield {"arrived": 1}, 0.0, step
                window = Window(model, 0.0, int(fps), int(seen), int(horizon), size)
                for change in self.show(replace(step, window=window)):
                    yield *change, gr.skip()

    @shown
    def fetch(self, link: str | None) -> str | None:
        self.handlers.follow(link or "")
        return link

    @shown
    def hear(self, event: gr.EventData) -> str:
        return self.fetch(str(event._data.get("link")))

    @shown
    def follow(self, link: str | None) -> Iterator[tuple]:
        """Open what a link names; without one, leave everything as it is."""
        request = self.handlers.follow(link or "")
        if request is None:
            yield (gr.skip(),) * 8
            return
        w = request.window
        yield gr.skip(), w.start, request, w.model, w.fps, w.seen, w.horizon, w.size
        for change in self.show(request):
            yield *change, *(gr.skip(),) * 6

    @shown
    def receive(self, path: str | None) -> tuple[Request, float]:
        if not path:
            raise gr.Error("No video arrived. Choose a file or record a few seconds.", print_exception=False)
        return self.handlers.upload(path), 0.0

    @shown
    def take(self, path: str | None) -> tuple[Request, float, None]:
        return *self.receive(path), None  # an empty box takes the next file

    @shown
    def whole(self, request: Request | None) -> str | None:
        return self.handlers.playable(request) if request else None

    def compare(self, event: gr.EventData) -> dict:
        try:
            return {"compare": self.handlers.compare(event._data.get("key"))}
        except ExplorerError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def inspect(self, event: gr.EventData) -> dict:
        question = event._data
        try:
            answer = self.handlers.inspect(question.get("name"), question.get("key"), question.get("options") or {})
        except ExplorerError as error:
            answer = {"error": str(error)}
        return {"inspect": answer | {"id": question.get("id")}}

    def classify(self, event: gr.EventData) -> Iterator[dict]:
        question = event._data
        try:
            for answer in self.handlers.classify(question.get("key"), question.get("parts")):
                yield {"inspect": answer | {"id": question.get("id")}}
        except ExplorerError as error:
            yield {"inspect": {"error": str(error), "id": question.get("id")}}

    def missing(self) -> dict:
        """What is missing, for the top of the page."""
        return gr.update(value=missing(self.explorer.troubles), visible=bool(self.explorer.troubles))

    def about(self) -> str:
        return about(self.explorer)


def missing(troubles: list[str]) -> str:
    """What cannot be had at the moment, in Markdown."""
    return f"**Something is missing.** {' '.join(troubles)} Reload the page to try again." if troubles else ""


def connect(page: gr.Blocks, on: Components, handlers: Handlers, *, at_once: bool) -> None:
    """Tie the events of a page to what answers them. at_once: predict the clip on show when a page is loaded."""
    events = Events(handlers)
    runs = [
        *_choosing(on, events),
        *_uploading(on, events),
        *_linking(page, on, events),
    ]
    for run in runs:
        run.success(events.whole, on.clip, on.player, js=PAINTED, **QUIET)
    for control in on.settings:
        control.input(None, js=BUSY)
    triggers = [control.input for control in on.settings]
    changed = gr.on(triggers, **_prediction(on, events), trigger_mode="always_last", **QUIET, **MODEL)
    compared = on.wire.compare(events.compare, None, on.wire, **QUIET, **MODEL)
    for run in (*runs, changed, compared):
        run.failure(None, js=IDLE)
    on.wire.inspect(events.inspect, None, on.wire, trigger_mode="multiple", **QUIET, **MODEL)
    on.wire.classify(events.classify, None, on.wire, trigger_mode="multiple", **QUIET, **MODEL)
    if handlers.explorer.troubles:  # which may be over for the next visitor
        page.load(events.missing, None, on.trouble, **QUIET)
    # Filled when somebody looks: it counts parameters, for which PyTorch has to be there.
    on.about_tab.select(events.about, None, on.about_text, **QUIET)
    if at_once:
        page.load(**_prediction(on, events), **QUIET, **MODEL)


def _prediction(on: Components, events: Events) -> dict:
    return {"fn": events.predict, "inputs": [on.clip, *on.settings], "outputs": [on.wire, on.start]}


def _choosing(on: Components, events: Events) -> list:
    """A click on a clip of the gallery, from there to the pictures."""
    model, _, *others = on.settings
    # A clip may take a while to come: other visitors go on, and the last one clicked is what is shown.
    options = {"trigger_mode": "always_last", "concurrency_limit": FETCHES}
    return [on.wire.pick(events.pick, [model, *others], [on.wire, on.start, on.clip], **options, **QUIET)]


def _uploading(on: Components, events: Events) -> list:
    """A video of the visitor: what predicts, once it is here."""
    file = on.uploaded.upload(events.take, on.uploaded, [on.clip, on.start, on.uploaded], js=READING, **QUIET)
    film = on.recorded.stop_recording(events.receive, on.recorded, [on.clip, on.start], js=READING, **QUIET)
    file.failure(lambda: None, None, on.uploaded, **QUIET)
    for came in (file, film):
        came.failure(None, js=IDLE)
    return [came.success(**_prediction(on, events), **QUIET, **MODEL) for came in (file, film)]


def _linking(page: gr.Blocks, on: Components, events: Events) -> list:
    """A link that a page was opened with, or that was followed on it: what opens it."""
    # What is behind the # of an address never reaches a server by itself. A clip is fetched before its turn at the
    # network, so that nobody waits in that line for the Hub.
    arrived = page.load(events.fetch, on.link, on.link, js="() => lvln.arrived", concurrency_limit=FETCHES, **QUIET)
    followed = on.wire.follow(events.hear, None, on.link, concurrency_limit=FETCHES, **QUIET)
    for fetched in (arrived, followed):
        fetched.failure(None, js=IDLE)
    model, start, *others = on.settings
    outputs = [on.wire, start, on.clip, model, *others]
    return [fetched.success(events.follow, on.link, outputs, **QUIET, **MODEL) for fetched in (arrived, followed)]
