"""What the page calls in Python. No components here: plain values in, plain values out.

What needs PyTorch is imported by who asks for it, so that the page is there before.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import queue
import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import gradio as gr

from vp import moving_circle, ucf101, video
from vp.clips import Clip
from vp.clips.shelves import Shelf, varied
from vp.errors import ClipError, ExplorerError, RequestError
from vp.explorer import Explorer, Window
from vp.models import NAMES, TITLES
from vp.rollout import Rollout

from .crops import CROPS, crop
from .downloads import make_download, url
from .experiments import EXPERIMENTS
from .files import shown_copy, written
from .payload import activation_payload, data_url, filter_payload, rollout_payload
from .registry import ask_for_page
from .store import Request, RolloutStore

EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "example.json"
PAGE = 24
THUMBNAILS = 8  # made at once: those of clips on the Hub wait for it
KEPT_CLASSES = 32
# Everything that runs a network waits in one line: two cores serve one prediction at a time best.
MODEL = {"concurrency_id": "model", "concurrency_limit": 1}
log = logging.getLogger(__name__)


def shown(function: Callable) -> Callable:
    """Turn an `ExplorerError` into Gradio's message in the page: text for people, no traceback."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        with _as_messages():
            return function(*args, **kwargs)

    @functools.wraps(function)
    def stepwise(*args, **kwargs):
        with _as_messages():
            yield from function(*args, **kwargs)

    return stepwise if inspect.isgeneratorfunction(function) else wrapper


@contextmanager
def _as_messages() -> Iterator[None]:
    try:
        yield
    except ExplorerError as error:
        raise gr.Error(str(error), duration=12, print_exception=False) from None


class Handlers:
    """The page's functions over one explorer."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        self.store = RolloutStore(lambda request: explorer.predict(request.file, request.window))
        self.untrained = RolloutStore(
            lambda request: explorer.predict(request.file, request.window, weights="untrained"), max_bytes=50_000_000
        )
        self._classes: OrderedDict[tuple, dict] = OrderedDict()  # by file and what is silenced
        self._lock = threading.Lock()
        self._growing = threading.Lock()

    # -- clips ---------------------------------------------------------------------------------------------------

    def list_clips(self, shelf: int, text: str, label: str, offset: int) -> dict:
        """One page of a shelf: the clips that match, each with what is known of it; {"error"} while there is none."""
        try:
            chosen, clips = self._search(shelf, text, label)
        except ExplorerError as error:
            return {"error": str(error)}
        offset = max(0, int(offset))
        actions = self.explorer.actions
        return {
            "clips": [
                {
                    "id": chosen.id(clip),
                    "title": clip.name,
                    "about": clip.about,
                    "known": clip.label in actions,
                    "trained_on": self.explorer.trained_on(clip.label, clip.group),
                }
                for clip in clips[offset : offset + PAGE]
            ],
            "total": len(clips),
            "everything": len(chosen.clips),
            "labels": [
                {"name": name, "count": count, "known": name in actions}
                for name, count in (chosen.clips.labels.items() if offset == 0 else ())
            ],
        }

    def thumbnails(self, ids: list[str]) -> dict[str, str | None]:
        """Pictures of clips of the gallery, by id; None for those that cannot be had at the moment."""
        ids = [str(id) for id in ids[:PAGE]]
        with ThreadPoolExecutor(THUMBNAILS) as pool:
            return dict(zip(ids, pool.map(self._thumbnail, ids), strict=True))

    def random_clip(self, shelf: int, text: str, label: str) -> dict:
        """Any of the clips of a shelf that match: {"id", "title"}, or {"error"}."""
        try:
            chosen, clips = self._search(shelf, text, label)
            if not clips:
                raise ClipError("No clip matches. Try another word.")
        except ExplorerError as error:
            return {"error": str(error)}
        clip = random.choice(clips)
        return {"id": chosen.id(clip), "title": clip.name}

    def _search(self, shelf: int, text: str, label: str) -> tuple[Shelf, list[Clip]]:
        shelves = self.explorer.shelves
        chosen = shelves[min(max(0, int(shelf)), len(shelves) - 1)]
        clips = chosen.clips.search(str(text)[:80], str(label)[:80] or None, limit=1_000_000)
        actions, trained_on = self.explorer.actions, self.explorer.trained_on
        # First what the networks never saw of what the classifier knows.
        return chosen, varied(clips, lambda clip: (clip.label not in actions, trained_on(clip.label, clip.group)))

    def _thumbnail(self, id: str) -> str | None:
        try:
            shelf, clip = self.explorer.clip(id)
            path = shelf.clips.thumbnail(clip.id)
        except ExplorerError:
            return None
        return data_url(path.read_bytes(), "image/jpeg") if path else None

    def pick(self, clip_id: str, progress: Callable[[float], object] | None = None) -> Request:
        """A clip of the gallery, fetched if need be, or a moving circle by its id.

        progress: told the share that has arrived, in [0, 1]. Raises ClipError for an unknown id and for a clip that
        cannot be had.
        """
        clip_id = str(clip_id)
        if clip_id.startswith(moving_circle.PREFIX):
            frames = moving_circle.Circle.parse(clip_id).frames()
            path = written("circle.mp4", lambda path: video.write_mp4(path, frames, fps=moving_circle.FPS))
            return Request(str(path), moving_circle.FRAMES / moving_circle.FPS, "Your circle", clip_id, Window())
        shelf, clip = self.explorer.clip(clip_id)
        path = str(shelf.clips.path(clip.id, progress))
        label = clip.label if clip.group is not None or clip.label in self.explorer.actions else ""
        seconds, trained_on = video.probe(path).seconds, self.explorer.trained_on(clip.label, clip.group)
        return Request(path, seconds, clip.name, shelf.id(clip), Window(), label, trained_on)

    def picking(self, clip_id: str) -> Iterator[float | Request]:
        """`pick`, telling while a clip comes how much of it is there, in [0, 1]."""
        shares: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(self.pick, clip_id, shares.put)
            task.add_done_callback(lambda _: shares.put(None))
            while (share := shares.get()) is not None:
                if shares.empty():  # the page is told the newest only
                    yield share
            yield task.result()

    def circle_path(self, id: str) -> dict:
        """Where the moving circle of an id goes: {"path": [[x, y], ...]}, see `Circle.path`, or {"error"}."""
        try:
            return {"path": moving_circle.Circle.parse(str(id)).path().round(1).tolist()}
        except ClipError as error:
            return {"error": str(error)}

    def upload(self, path: str) -> Request:
        """An uploaded or recorded video. Raises VideoError if it is none or beyond the limits."""
        named = ucf101.read_name(Path(path).stem)
        label, group = (named.label, named.group) if named else ("", None)
        seconds, trained_on = video.probe(path).seconds, self.explorer.trained_on(label, group)
        return Request(path, seconds, "your video", None, Window(), label, trained_on)

    def follow(self, link: str) -> Request | None:
        """What a link such as `#clip=walk&model=lvln&start=0.5&fps=10&seen=3&horizon=3` names, with `&size=fine` for
        twice the size; None for an empty one.

        Raises RequestError or ClipError for a link that names nothing here.
        """
        values = parse_qs(str(link)[:2000].lstrip("#"))
        if "clip" not in values:
            return None
        request = self.pick(values["clip"][0])
        window = Window()
        try:
            window = Window(
                model=values.get("model", [window.model])[0],
                start=float(values.get("start", ["0"])[0]),
                **{name: int(values.get(name, [getattr(window, name)])[0]) for name in ("fps", "seen", "horizon")},
                size=values.get("size", [window.size])[0],
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
        return str(written("clip.mp4", lambda path: video.to_browser_mp4(request.path, path)))

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

    def at_once(self, name: str, key: str, options: dict) -> dict:
        """`inspect` for an experiment that answers in a blink, out of the line of the predictions, or {"error"}."""
        try:
            if name in EXPERIMENTS and not EXPERIMENTS[name].quick:
                raise RequestError(f"The experiment {name} has to wait for its turn.")
            answer = self.inspect(name, key, options)
            # What was fetched since then is in the next answer; nothing is while nobody has opened a shelf of the Hub.
            if EXPERIMENTS[name].network and any(shelf.remote and shelf.opened for shelf in self.explorer.shelves):
                self._grow(self.store.request(key).window.model)
            return answer
        except ExplorerError as error:
            return {"error": str(error)}

    def _grow(self, name: str) -> None:
        """Add to the index of a network, in the background, the clips that were fetched since."""

        def add() -> None:
            try:
                self.explorer.index_fetched(name)
            except ExplorerError:
                log.exception("the index of %s did not take up what was fetched", name)
            finally:
                self._growing.release()

        if self._growing.acquire(blocking=False):
            threading.Thread(target=add, name="index", daemon=True).start()

    def crops(self, moments: list[list]) -> dict:
        """Moving pictures of moments: [clip, seconds, y, x], y and x in shares of the frame or null for all of it ->
        {"crops": as of `crop`, None for what cannot be had}."""

        def one(moment: list) -> dict | None:
            try:
                return crop(self.explorer, *moment)
            except ExplorerError:
                return None

        with ThreadPoolExecutor(THUMBNAILS) as pool:
            return {"crops": list(pool.map(one, [list(moment)[:4] for moment in moments[:CROPS]]))}

    def download(self, key: str, kind: str) -> dict:
        """A file of a rollout that the page shows: {"url", "name"} or {"error"}."""
        try:
            path = make_download(self.store.get(key), self.store.request(key), kind)
        except ExplorerError as error:
            return {"error": str(error)}
        return {"url": url(path), "name": path.name}

    def inspect(self, name: str, key: str, options: dict) -> dict:
        """An experiment on the window of a rollout that the page shows, see `vp.ui.registry.ask_for_page`. Raises
        RequestError for an unknown name too."""
        if name not in EXPERIMENTS:
            raise RequestError(f"There is no experiment {name!r}: choose one of {', '.join(EXPERIMENTS)}.")
        options = options if isinstance(options, dict) else {}
        return ask_for_page(EXPERIMENTS[name], self.explorer, self.store, key, options)

    def classify(self, key: str, parts: list[str] | None = None) -> Iterator[dict]:
        """Which action the clip of a rollout shows: {"progress": share} while it is watched, then the whole answer.

        parts: of the classifier's predictor, to silence; "silence" in the answer are those that its scores depend on.
        """
        from .classes import classification_payload

        request = self.store.request(key)
        path = request.path
        if parts is not None and (not isinstance(parts, list) or len(parts) > 64):
            raise RequestError("Choose at most 64 parts of the network to silence.")
        # A clip is watched again only for what can change its scores.
        silence = self.explorer.classifier().relevant(list(map(str, parts or ())))
        with self._lock:
            payload = self._classes.get((path, silence))
        if payload is None:
            for step in self.explorer.classify(self.store.request(key).file, silence=silence):
                if isinstance(step, float):
                    yield {"progress": step}
                else:
                    payload = classification_payload(step, self.explorer.classifier().predictor.name)
                    payload["silence"] = list(silence)
            with self._lock:
                self._classes[path, silence] = payload
                while len(self._classes) > KEPT_CLASSES:
                    self._classes.popitem(last=False)
        yield payload | {"truth": _truth(request, payload)}

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
        first = self.explorer.shelves[0].clips.search(limit=1)
        return replace(self.pick(first[0].id), window=Window(start=0.5)) if first else None

    def _payload(self, rollout: Rollout, request: Request, key: str) -> dict:
        payload = rollout_payload(rollout, key=key, clip=request.title, window=request.window)
        payload["made_for"] = self.explorer.predictor(rollout.model).default_seen
        return payload | _identity(request)


def _identity(request: Request) -> dict:
    """What a rollout is of. file: the same for rollouts of one file, without saying where it lies."""
    file = hashlib.sha256(request.path.encode()).hexdigest()[:16]
    return {"clip_id": request.clip_id, "file": file, "trained_on": request.trained_on}


def _truth(request: Request, answer: dict) -> dict | None:
    """What a clip shows by its name, and where the classifier put that; None where its name does not tell.

    place: from 1 for its best guess, None for an action that it does not know; score: what it gave it.
    """
    if not request.label:
        return None
    ranking = [name.lower() for name, _ in answer["ranking"]]
    ranked = request.label.lower() in ranking
    place = ranking.index(request.label.lower()) if ranked else None
    return {
        "label": request.label,
        "place": None if place is None else place + 1,
        "score": None if place is None else answer["ranking"][place][1],
        "trained_on": request.trained_on,
    }
