"""The page: one clip, one time line, and views that all read the same rollout."""

from __future__ import annotations

import functools
from collections.abc import Callable

import gradio as gr

from vp.explorer import Explorer, Window
from vp.limits import FRAME_RATES, MAX_HORIZON, MAX_SEEN, UPLOAD_SUFFIXES, describe
from vp.models import NAMES, TITLES

from . import views
from .about import TEXT
from .api import add_api
from .events import Components, connect, missing
from .files import KEPT, plain
from .handlers import Handlers

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
    first, example = handlers.example_request(), handlers.example()
    with gr.Blocks(title="L-VLN explorer", analytics_enabled=False, delete_cache=(KEPT, KEPT)) as page:
        add_api(handlers)  # first, so that its endpoints get their names before the page's own events
        clip = gr.State(first)
        link = gr.Textbox(visible=False)
        views.view("header", views.HEADER)
        wire = _wire(handlers, example)
        trouble = gr.Markdown(missing(explorer.troubles), visible=bool(explorer.troubles), elem_id="trouble")
        with gr.Row(elem_id="layout"):
            with gr.Column(scale=0, min_width=300, elem_id="rail"):
                uploaded, recorded, player = _sources(explorer)
            with gr.Column(scale=1, elem_id="main"):
                settings = _settings(first.window if first else Window())
                views.view("stage", views.STAGE)
                views.view("switch", views.SWITCH)
                about = _views()
        components = Components(clip, link, wire, trouble, uploaded, recorded, player, settings, *about)
        connect(page, components, handlers, at_once=first is not None and not example)
    return page


def _wire(handlers: Handlers, example: dict | None) -> gr.HTML:
    """The hidden component through which Python and the scripts talk, with the example that is there before a click."""
    return gr.HTML(
        value={"rollout": example} if example else {},
        html_template="<span></span>",
        js_on_load="lvln.connect({ props, trigger, server, watch }); void 'pick'; void 'follow'; void 'compare'; "
        "void 'inspect'; void 'classify';",
        server_functions=[served(getattr(handlers, name)) for name in SERVED],
        apply_default_css=False,
        elem_id="wire",
    )


def _sources(explorer: Explorer) -> tuple[gr.File, gr.Video, gr.Video]:
    """Where clips come from: gives the box for a file, the one for a recording, and the player of the whole clip."""
    with gr.Tabs(elem_id="sources"):
        with gr.Tab("Clips"):
            views.view("gallery", views.gallery(explorer.shelves))
        with gr.Tab("Upload"):
            # Not gr.Video: it refuses what the browser cannot play, and every .avi with it.
            uploaded = plain(
                gr.File(label="Your video", file_types=["video", *UPLOAD_SUFFIXES], height=190, elem_id="upload")
            )
            gr.Markdown(describe(), elem_classes="quiet")
        with gr.Tab("Webcam"):
            recorded = plain(gr.Video(sources=["webcam"], label="Record a few seconds", height=190, elem_id="webcam"))
        with gr.Tab("Circle"):
            views.view("circle", views.CIRCLE)
    player = gr.Video(
        label="The whole clip", interactive=False, height=190, autoplay=False, loop=True, elem_id="player"
    )
    return uploaded, recorded, player


def _settings(window: Window) -> tuple[gr.Radio | gr.Slider, ...]:
    """The settings of a `Window`, in its order."""

    def slider(name: str, label: str, low: float, high: float, step: float = 1) -> gr.Slider:
        return gr.Slider(low, high, value=getattr(window, name), step=step, label=label, elem_id=name, buttons=[])

    def radio(name: str, label: str, choices: list[tuple]) -> gr.Radio:
        return gr.Radio(choices, value=getattr(window, name), label=label, elem_id=name)

    with gr.Row(elem_id="controls"):
        model = radio("model", "Network", [(TITLES[name], name) for name in NAMES])
        start = slider("start", "Start (s)", 0, 10, 0.1)
        fps = radio("fps", "Frames a second", [(f"{rate}", rate) for rate in FRAME_RATES])
        size = radio("size", "Frame size", [("own", "own"), ("fine ×2", "fine")])
        seen = slider("seen", "Seen", 1, MAX_SEEN)
        horizon = slider("horizon", "Predicted", 1, MAX_HORIZON)
    return model, start, fps, seen, horizon, size


def _views() -> tuple[gr.Tab, gr.Markdown]:
    """A tab for each view: gives that of About, and its text."""
    with gr.Tabs(elem_id="views"):
        for name in views.VIEWS[:-1]:  # the last one is text
            with gr.Tab(name):
                views.view(name.lower(), getattr(views, name.upper()))
        with gr.Tab("About") as tab:
            text = gr.Markdown(TEXT, elem_id="view-about", elem_classes="prose")
    return tab, text
