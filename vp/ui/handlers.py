"""What the page calls in Python. No components here: plain values in, plain values out."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import gradio as gr

from vp import circle, video
from vp.errors import ExplorerError, RequestError
from vp.explorer import Explorer, Window
from vp.models import NAMES, TITLES
from vp.rollout import Rollout

from .classes import classification_payload
from .downloads import make_download, url
from .experiments import run_experiment
from .files import new_file, shown_copy
from .motion import location_payload, motion_payload
from .payload import activation_payload, data_url, filter_payload, rollout_payload
from .store import Request, RolloutStore

EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "example.json"
PAGE = 24
KEPT_CLASSES = 32
# Everything that runs a network waits in one line: two cores serve one prediction at a time best.
MODEL = {"concurrency_id": "model", "concurrency_limit": 1}
log = logging.getLogger(__name__)


def shown(function: Callable) -> Callable:
    """Turn an `ExplorerError` into Gradio's message in the page: text for people, no traceback."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ExplorerError as error:
            raise gr.Error(str(error), duration=12, print_exception=False) from None

    return wrapper


class Handlers:
    """The page's functions over one explorer."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self.store = RolloutStore(lambda request: explorer.predict(request.file, request.window))
        self.untrained = RolloutStore(
            lambda request: explorer.predict(request.file, request.window, weights="untrained"), max_bytes=100_000_000
        )
        self._classes: OrderedDict[tuple, dict] = OrderedDict()  # by file and what is silenced
        self._lock = threading.Lock()

    # -- clips ---------------------------------------------------------------------------------------------------

    def list_clips(self, text: str, label: str, offset: int) -> dict:
        """One page of the gallery: titles and thumbnails of the clips that match; {"error"} while there is none."""
        try:
            source = self.explorer.clips
        except ExplorerError as error:
            return {"error": str(error)}
        text, label = str(text)[:80], str(label)[:80] or None
        offset = max(0, int(offset))
        found = source.search(text, label, limit=1_000_000)
        clips = []
        for clip in found[offset : offset + PAGE]:
            thumbnail = data_url(source.thumbnail(clip.id).read_bytes(), "image/jpeg")
            clips.append({"id": clip.id, "title": clip.name, "about": clip.about, "thumbnail": thumbnail})
        labels = list(source.labels.items()) if offset == 0 else []
        return {"clips": clips, "total": len(found), "everything": len(source), "labels": labels}

    def pick(self, clip_id: str) -> Request:
        """A clip of the gallery, or a moving circle by its id. Raises ClipError for an unknown id."""
        if str(clip_id).startswith(circle.PREFIX):
            path = new_file("circle.mp4")
            video.write_mp4(path, circle.Circle.parse(str(clip_id)).frames(), fps=circle.FPS)
            return Request(str(path), circle.FRAMES / circle.FPS, "Your circle", str(clip_id), Window("one_frame"))
        clip = self.explorer.clips.get(str(clip_id))
        path = str(self.explorer.clips.path(clip.id))
        return Request(path, video.probe(path).seconds, clip.name, clip.id, Window("one_frame"))

    def upload(self, path: str) -> Request:
        """An uploaded or recorded video. Raises VideoError if it is none or beyond the limits."""
        return Request(path, video.probe(path).seconds, "your video", None, Window("one_frame"))

    def follow(self, link: str) -> Request | None:
        """What a link such as `#clip=walk&model=lvln&start=0.5&fps=10&seen=3&horizon=3` names; None for an empty one.

        Raises RequestError or ClipError for a link that names nothing here.
        """
        values = parse_qs(str(link)[:2000].lstrip("#"))
        if "clip" not in values:
            return None
        request = self.pick(values["clip"][0])
        window = Window("one_frame")
        try:
            window = Window(
                model=values.get("model", [window.model])[0],
                start=float(values.get("start", ["0"])[0]),
                **{name: int(values.get(name, [getattr(window, name)])[0]) for name in ("fps", "seen", "horizon")},
            )
        except ValueError:
            raise RequestError("This link is damaged: its numbers cannot be read. Choose a clip instead.") from None
        window.check()
        return replace(request, window=window)

    def latest_start(self, request: Request, fps: int, seen: int, horizon: int) -> float:
        """The last start in seconds at which the clip still has every frame of the window."""
        return max(0.0, int(10 * (request.seconds - (seen + horizon) / fps)) / 10)

    def playable(self, request: Request) -> str:
        """The whole clip as a file that browsers play."""
        if video.browser_playable(request.file):
            return shown_copy(request.path)
        return str(video.to_browser_mp4(request.path, new_file("clip.mp4")))

    # -- predictions ---------------------------------------------------------------------------------------------

    def predict(self, request: Request) -> dict:
        """Run a network: what the page draws from."""
        key, rollout = self.store.run(request)
        return self._payload(rollout, request, key)

    def compare(self, key: str) -> dict:
        """All three networks on the window of a rollout that the page shows."""
        request = self.store.request(key)
        results = []
        for name in NAMES:
            try:
                rollout = (
                    self.store.get(key)
                    if name == request.window.model
                    else self.explorer.predict(request.file, replace(request.window, model=name))
                )
                results.append(self._payload(rollout, request, key))
            except ExplorerError as error:
                results.append({"title": TITLES[name], "error": str(error)})
        return {"of": key, "results": results}

    def activations(self, key: str, block: str, kernel: str, quantity: str) -> dict:
        """One quantity of one ConvGRU of a rollout, for the Memory view."""
        try:
            return activation_payload(self.store.get(key), block, kernel, quantity)
        except (ExplorerError, ValueError) as error:
            return {"error": str(error)}

    def life(self, key: str, block: str, kernel: str, index: int) -> dict:
        """Everything that one filter does on the window of a rollout, and what it did before training."""
        try:
            self.untrained.remember(self.store.request(key), key)
            return filter_payload(self.store.get(key), self.untrained.get(key), block, kernel, index)
        except (ExplorerError, ValueError) as error:
            return {"error": str(error)}

    def motion(self, key: str) -> dict:
        """Flow, mask and location maps for the Motion view."""
        try:
            rollout = self.store.get(key)
            predictor = self.explorer.predictor(rollout.model)
            return motion_payload(rollout) | {"locations": location_payload(predictor.model)}
        except ExplorerError as error:
            return {"error": str(error)}

    def download(self, key: str, kind: str) -> dict:
        """A file of a rollout that the page shows: {"url", "name"} or {"error"}."""
        try:
            path = make_download(self.store.get(key), self.store.request(key), kind)
        except ExplorerError as error:
            return {"error": str(error)}
        return {"url": url(path), "name": path.name}

    def inspect(self, kind: str, key: str, options: dict) -> dict:
        """An experiment on the window of a rollout that the page shows; see `vp.ui.experiments`."""
        return run_experiment(self.explorer, self.store, key, kind, options)

    def classify(self, key: str, parts: list[str] | None = None) -> Iterator[dict]:
        """Which action the clip of a rollout shows: {"progress": share} while it is watched, then the whole answer.

        parts: of the classifier's predictor, to silence; "without" in the answer are those that its scores depend on.
        """
        path = self.store.request(key).path
        if parts is not None and (not isinstance(parts, list) or len(parts) > 64):
            raise RequestError("Choose at most 64 parts of the network to silence.")
        # A clip is watched again only for what can change its scores.
        silence = self.explorer.classifier().heard(list(map(str, parts or ())))
        with self._lock:
            known = self._classes.get((path, silence))
        if known is None:
            for step in self.explorer.classify(self.store.request(key).file, silence=silence):
                if isinstance(step, float):
                    yield {"progress": step}
                else:
                    known = classification_payload(step, self.explorer.classifier().predictor.name)
                    known["without"] = silence
            with self._lock:
                self._classes[path, silence] = known
                while len(self._classes) > KEPT_CLASSES:
                    self._classes.popitem(last=False)
        yield known

    def example(self) -> dict | None:
        """The prediction on show before anybody clicked, computed ahead and shipped."""
        if self.explorer.troubles or self.explorer.checkpoints.spec != "bundled" or not EXAMPLE.exists():
            return None
        payload = json.loads(EXAMPLE.read_text(encoding="utf-8"))
        request = self.example_request()
        if request is None:
            return None
        self.store.remember(request, key=payload["key"])
        return payload | _identity(request)

    def example_request(self) -> Request | None:
        """The first clip of the gallery, from its start."""
        if self.explorer.troubles:
            return None
        first = self.explorer.clips.search(limit=1)
        return replace(self.pick(first[0].id), window=Window("one_frame", start=0.5)) if first else None

    def _payload(self, rollout: Rollout, request: Request, key: str) -> dict:
        payload = rollout_payload(rollout, key=key, clip=request.title, window=request.window)
        return payload | _identity(request)


def _identity(request: Request) -> dict:
    """What a rollout is of. file: the same for rollouts of one file, without saying where it lies."""
    return {"clip_id": request.clip_id, "file": hashlib.sha256(request.path.encode()).hexdigest()[:16]}
