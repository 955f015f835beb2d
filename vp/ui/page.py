"""The page: one clip, one time line, and views that all read the same rollout."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import gradio as gr

from vp.errors import ExplorerError
from vp.explorer import Explorer, Window
from vp.limits import FRAME_RATES, MAX_HORIZON, MAX_SEEN, UPLOAD_SUFFIXES, describe
from vp.models import NAMES, TITLES

from . import views
from .about import TEXT, about
from .api import add_api
from .files import KEPT, plain
from .handlers import MODEL, Handlers, shown
from .store import Request

SERVED = (
    "list_clips",
    "thumbnails",
    "random_clip",
    "activations",
    "life",
    "at_once",
    "crops",
    "download",
    "circle_path",
)
TABS = ("Predict", "Ladder", "Memory", "Motion", "Experiments", "Classes", "Compare")  # each of a view of its name
FETCHES = 8  # clips that may come from the Hub at the same time
BUSY = "() => { lvln.busy('Predicting'); }"
READING = "(file) => { lvln.busy('Reading your video'); return file; }"
LOADING = {"waiting": "Loading the network"}
PAINTED = "async () => { await lvln.afterPaint(); return null; }"  # the player can wait for the pictures
IDLE = "() => { lvln.busy(false); }"


def served(method: Callable[..., dict]) -> Callable[[list], dict]:
    """A method as a server function of the page: one list of arguments, and an attribute that Gradio marks it with,
    which methods cannot carry."""

    @functools.wraps(method)
    def function(query: list) -> dict:
        return method(*query)

    del function.__wrapped__  # the signature that Gradio reads is this one
    return function


def build(explorer: Explorer) -> gr.Blocks:
    """The page over one explorer. Launch it with the options of `vp.ui.launch_options`."""
    handlers = Handlers(explorer)
    example = handlers.example()
    first = handlers.example_request()
    window = first.window if first else Window()

    with gr.Blocks(title="L-VLN explorer", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        add_api(handlers)  # first, so that its endpoints get their names before the page's own events
        clip = gr.State(first)
        link = gr.Textbox(visible=False)
        views.view("header", views.HEADER)
        wire = gr.HTML(
            value={"rollout": example} if example else {},
            html_template="<span></span>",
            js_on_load="lvln.connect({ props, trigger, server, watch }); void 'pick'; void 'follow'; void 'compare'; "
            "void 'inspect'; void 'classify';",
            server_functions=[served(getattr(handlers, name)) for name in SERVED],
            apply_default_css=False,
            elem_id="wire",
        )
        trouble = gr.Markdown(_missing(explorer), visible=bool(explorer.troubles), elem_id="trouble")
        with gr.Row(elem_id="layout"):
            with gr.Column(scale=0, min_width=300, elem_id="rail"):
                with gr.Tabs(elem_id="sources"):
                    with gr.Tab("Clips"):
                        views.view("gallery", views.gallery(explorer.shelves))
                    with gr.Tab("Upload"):
                        # Not gr.Video: it refuses what the browser cannot play, and every .avi with it.
                        uploaded = plain(gr.File(
                            label="Your video", file_types=["video", *UPLOAD_SUFFIXES], height=190, elem_id="upload",
                        ))  # fmt: skip
                        gr.Markdown(describe(), elem_classes="quiet")
                    with gr.Tab("Webcam"):
                        recorded = plain(gr.Video(
                            sources=["webcam"], label="Record a few seconds", height=190, elem_id="webcam",
                        ))  # fmt: skip
                    with gr.Tab("Circle"):
                        views.view("circle", views.CIRCLE)
                player = gr.Video(
                    label="The whole clip", interactive=False, height=190, autoplay=False, loop=True, elem_id="player"
                )
            with gr.Column(scale=1, elem_id="main"):
                with gr.Row(elem_id="controls"):
                    model = gr.Radio(
                        [(TITLES[name], name) for name in NAMES], value=window.model, label="Network", elem_id="model"
                    )
                    start = gr.Slider(
                        0, 10, value=window.start, step=0.1, label="Start (s)", elem_id="start", buttons=[]
                    )
                    fps = gr.Radio(
                        [(f"{rate}", rate) for rate in FRAME_RATES], value=window.fps, label="Frames a second",
                        elem_id="fps",
                    )  # fmt: skip
                    size = gr.Radio(
                        [("own", "own"), ("fine ×2", "fine")], value=window.size, label="Frame size", elem_id="size",
                    )  # fmt: skip
                    seen = gr.Slider(1, MAX_SEEN, value=window.seen, step=1, label="Seen", elem_id="seen", buttons=[])
                    horizon = gr.Slider(
                        1, MAX_HORIZON, value=window.horizon, step=1, label="Predicted", elem_id="horizon", buttons=[]
                    )
                views.view("stage", views.STAGE)
                views.view("switch", views.SWITCH)
                with gr.Tabs(elem_id="views"):
                    for name in TABS:
                        with gr.Tab(name):
                            views.view(name.lower(), getattr(views, name.upper()))
                    with gr.Tab("About") as about_tab:
                        about_text = gr.Markdown(TEXT, elem_id="view-about", elem_classes="prose")

        settings = [model, start, fps, seen, horizon, size]

        def show(request: Request) -> Iterator[tuple[dict, dict]]:
            """What a request brings to the wire and to the start: the rollout, and how far the clip allows."""
            window = request.window
            if not explorer.has(window.model):
                yield LOADING, gr.skip()
            rollout = handlers.predict(request)
            latest = handlers.latest_start(request, window.fps, window.seen, window.horizon)
            yield {"rollout": rollout}, gr.Slider(maximum=max(0.1, latest))

        @shown
        def predict(
            request: Request | None, model: str, start: float, fps: int, seen: int, horizon: int, size: str
        ) -> Iterator[tuple]:
            if request is None:
                raise gr.Error("Choose a clip or upload a video first.", print_exception=False)
            window = Window(model, float(start), int(fps), int(seen), int(horizon), size)
            yield from show(replace(request, window=window))

        @shown
        def pick(model: str, fps: int, seen: int, horizon: int, size: str, event: gr.EventData) -> Iterator[tuple]:
            # One event from the click to the picture: each further one takes the browser as long as the network.
            for step in handlers.picking(event._data.get("id")):
                if isinstance(step, float):
                    yield {"arrived": step}, gr.skip(), gr.skip()
                else:
                    yield {"arrived": 1}, 0.0, step
                    window = Window(model, 0.0, int(fps), int(seen), int(horizon), size)
                    for change in show(replace(step, window=window)):
                        yield *change, gr.skip()

        @shown
        def fetch(link: str | None) -> str | None:
            handlers.follow(link or "")
            return link

        @shown
        def hear(event: gr.EventData) -> str:
            return fetch(str(event._data.get("link")))

        @shown
        def follow(link: str | None) -> Iterator[tuple]:
            """Open what a link names; without one, leave everything as it is."""
            request = handlers.follow(link or "")
            if request is None:
                yield (gr.skip(),) * 8
                return
            w = request.window
            yield gr.skip(), w.start, request, w.model, w.fps, w.seen, w.horizon, w.size
            for change in show(request):
                yield *change, *(gr.skip(),) * 6

        @shown
        def receive(path: str | None) -> tuple[Request, float]:
            if not path:
                raise gr.Error("No video arrived. Choose a file or record a few seconds.", print_exception=False)
            return handlers.upload(path), 0.0

        @shown
        def take(path: str | None) -> tuple[Request, float, None]:
            return *receive(path), None  # an empty box takes the next file

        @shown
        def whole(request: Request | None) -> str | None:
            return handlers.playable(request) if request else None

        def compare(event: gr.EventData) -> dict:
            try:
                return {"compare": handlers.compare(event._data.get("key"))}
            except ExplorerError as error:
                raise gr.Error(str(error), print_exception=False) from None

        def inspect(event: gr.EventData) -> dict:
            question = event._data
            try:
                answer = handlers.inspect(question.get("name"), question.get("key"), question.get("options") or {})
            except ExplorerError as error:
                answer = {"error": str(error)}
            return {"inspect": answer | {"id": question.get("id")}}

        def classify(event: gr.EventData) -> Iterator[dict]:
            question = event._data
            try:
                for answer in handlers.classify(question.get("key"), question.get("parts")):
                    yield {"inspect": answer | {"id": question.get("id")}}
            except ExplorerError as error:
                yield {"inspect": {"error": str(error), "id": question.get("id")}}

        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        # A clip may take a while to come: other visitors go on, and the last one clicked is what is shown.
        picked = wire.pick(
            pick,
            [model, fps, seen, horizon, size],
            [wire, start, clip],
            trigger_mode="always_last",
            concurrency_limit=FETCHES,
            **quiet,
        )
        uploads = [
            uploaded.upload(take, uploaded, [clip, start, uploaded], js=READING, **quiet),
            recorded.stop_recording(receive, recorded, [clip, start], js=READING, **quiet),
        ]
        uploads[0].failure(lambda: None, None, uploaded, **quiet)
        ran = [upload.success(predict, [clip, *settings], [wire, start], **quiet, **MODEL) for upload in uploads]
        for event in (picked, *uploads, *ran):
            event.failure(None, js=IDLE)
        for event in (picked, *ran):
            event.success(whole, clip, player, js=PAINTED, **quiet)
        for control in settings:
            control.input(None, js=BUSY)
        changed = gr.on(
            [control.input for control in settings],
            predict,
            [clip, *settings],
            [wire, start],
            trigger_mode="always_last",
            **quiet,
            **MODEL,
        )
        changed.failure(None, js=IDLE)
        compared = wire.compare(compare, None, wire, **quiet, **MODEL)
        compared.failure(None, js=IDLE)
        wire.inspect(inspect, None, wire, trigger_mode="multiple", **quiet, **MODEL)
        wire.classify(classify, None, wire, trigger_mode="multiple", **quiet, **MODEL)
        # What is behind the # of an address never reaches a server by itself.
        # A clip is fetched before its turn at the network, so that nobody waits in that line for the Hub.
        for fetched in (
            page.load(fetch, link, link, js="() => lvln.arrived", concurrency_limit=FETCHES, **quiet),
            wire.follow(hear, None, link, concurrency_limit=FETCHES, **quiet),
        ):
            fetched.failure(None, js=IDLE)
            opened = [wire, start, clip, model, fps, seen, horizon, size]
            arrived = fetched.success(follow, link, opened, **quiet, **MODEL)
            arrived.failure(None, js=IDLE)
            arrived.success(whole, clip, player, js=PAINTED, **quiet)
        if explorer.troubles:  # which may be over for the next visitor
            page.load(
                lambda: gr.update(value=_missing(explorer), visible=bool(explorer.troubles)), None, trouble, **quiet
            )
        # Filled when somebody looks: it counts parameters, for which PyTorch has to be there.
        about_tab.select(lambda: about(explorer), None, about_text, **quiet)
        if first and not example:
            page.load(predict, [clip, *settings], [wire, start], **quiet, **MODEL)
    return page


def _missing(explorer: Explorer) -> str:
    """What is missing, for the top of the page."""
    missing = " ".join(explorer.troubles)
    return f"**Something is missing.** {missing} Reload the page to try again." if missing else ""
