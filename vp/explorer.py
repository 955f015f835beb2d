"""The explorer without a page: clips and checkpoints in, rollouts out. The page and the API both call this.

What needs PyTorch is imported where it is used: a page can be shown before that is there.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from . import hub, video
from .checkpoints import CheckpointSource, open_checkpoints
from .clips import Clip
from .clips.shelves import Shelf, find_clip, open_shelves
from .errors import CheckpointError, RequestError
from .hf_space import gpu
from .limits import FPS, FRAME_RATES, MAX_CLASSIFIED, MAX_FINE, MAX_HORIZON, MAX_SEEN
from .malloc import give_back
from .models import DEFAULT, NAMES, PAPER
from .reopening import Reopening
from .rollout import Rollout
from .ucf101 import TEST_GROUPS

if TYPE_CHECKING:
    from .action_classifier import ActionClassifier, Classification
    from .inspection import Index, Number
    from .models.encoder import Encoder
    from .predictor import Predictor

T = TypeVar("T")
SIZES = ("own", "fine")
# Two cores serve one network at a time best.
_TURN = threading.Lock()


@dataclass(frozen=True)
class Window:
    """Which part of a clip to predict, and with which network.

    model: preset name. start: seconds into the clip. fps: frame rate to resample to, in Hz.
    seen: frames shown; horizon: frames predicted. size: "own" for frames of the size that the network was made for,
    "fine" for twice their height and width, see `Predictor.fine`.
    """

    model: str = DEFAULT
    start: float = 0.0
    fps: int = FPS
    seen: int = 5
    horizon: int = 3
    size: str = "own"

    def check(self) -> None:
        """Raise RequestError, saying what is allowed, if anything is out of range or of the wrong type."""
        if self.model not in NAMES:
            raise RequestError(f"There is no model {self.model!r}: choose one of {', '.join(NAMES)}.")
        if self.fps not in FRAME_RATES:
            raise RequestError(f"The frame rate must be one of {', '.join(map(str, FRAME_RATES))}, not {self.fps!r}.")
        for name, most in (("seen", MAX_SEEN), ("horizon", MAX_HORIZON)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise RequestError(f"The number of frames {name} must be from 1 to {most}, not {value!r}.")
        if self.size not in SIZES:
            raise RequestError(f"The size must be one of {', '.join(SIZES)}, not {self.size!r}.")
        if self.seen + self.horizon > self.most:
            raise RequestError(
                f"At the fine size at most {MAX_FINE} frames can be seen and predicted together, not "
                f"{self.seen} + {self.horizon}: choose fewer, or the network's own size."
            )
        number = isinstance(self.start, (int, float)) and not isinstance(self.start, bool)
        if not number or not math.isfinite(self.start) or self.start < 0:
            raise RequestError(f"The start must be a number of seconds from 0 up, not {self.start!r}.")

    @property
    def most(self) -> int:
        """Frames that may be seen and predicted together at this size."""
        return MAX_FINE if self.size == "fine" else MAX_SEEN + MAX_HORIZON

    @property
    def seconds(self) -> float:
        """Length of clip that the window takes: seen and predicted frames."""
        return (self.seen + self.horizon - 1) / self.fps


class Explorer:
    """Shelves of clips and a source of checkpoints, with the networks loaded when first asked for.

    clips, checkpoints: specifications as on the command line, e.g. "bundled", for clips also several (see `open_clips`
    and `open_checkpoints`, whose errors are raised here). What is on the Hub may be out of reach: then the explorer is
    there all the same, says so in `troubles`, and raises the error to whoever asks for clips or checkpoints.
    """

    def __init__(self, clips: str | Sequence[str] = "bundled", checkpoints: str = "bundled") -> None:
        self.shelves = open_shelves(clips)
        self._checkpoints = Reopening(checkpoints, open_checkpoints, remote=hub.is_address(checkpoints))
        self._predictors: dict[str, Predictor] = {}
        self._untrained: dict[str, Predictor] = {}
        self._encoders: dict[str, Encoder] = {}  # by hash
        self._indexes: dict[str, Index] = {}
        self._classifier: ActionClassifier | None = None
        self._actions: frozenset[str] | None = None
        self._lock = threading.Lock()

    def clip(self, id: str) -> tuple[Shelf, Clip]:
        """The clip of an id of the gallery, and its shelf. Raises ClipError."""
        return find_clip(self.shelves, id)

    @property
    def checkpoints(self) -> CheckpointSource:
        """Where weights come from. Raises CheckpointError while it is out of reach."""
        return self._checkpoints.get()

    @property
    def troubles(self) -> list[str]:
        """What is missing at the moment, in words for people. Shelves behind the first speak for themselves."""
        return [trouble for source in (self.shelves[0], self._checkpoints) if (trouble := source.trouble)]

    @property
    def actions(self) -> frozenset[str]:
        """The classes that the action classifier knows; none where there is no classifier, or none at the moment."""
        if self._actions is None:
            checkpoints = self._checkpoints.opened
            try:
                self._actions = frozenset(checkpoints.classes) if checkpoints else None
            except CheckpointError:  # told to whoever asks for the classifier
                self._actions = frozenset()
        return self._actions or frozenset()

    def trained_on(self, label: str, group: int | None) -> bool:
        """Whether clips of this class and group of UCF101 were used to train the networks; group: None for others."""
        return group is not None and group not in TEST_GROUPS[1] and (not self.actions or label in self.actions)

    def predictor(self, name: str) -> Predictor:
        """The network of this name, loaded once. Raises CheckpointError."""
        from .predictor import Predictor

        with self._lock:
            if name not in self._predictors:
                model = self.checkpoints.load(name)
                # The same for all that were trained with it: kept once, it saves 45 MB for each further network.
                encoder = self.checkpoints.config(name)["encoder_sha256"]
                model.encoder = self._encoders.setdefault(encoder, model.encoder)
                self._predictors[name] = Predictor(name, model, source=self.checkpoints.spec)
            return self._predictors[name]

    def has(self, name: str) -> bool:
        """Whether the network of this name is loaded already, so that nobody has to wait for that."""
        return name in self._predictors

    def network(self, name: str, weights: str = "trained", size: str = "own") -> Predictor:
        """The network of this name, loaded once, for frames of a size as in `Window`.

        weights: "trained"; "untrained" for fresh ones outside its encoder; "paper" for `one_frame` by the paper's
        recipe, whatever the name. Raises CheckpointError.
        """
        if size == "fine":
            return self.network(name, weights).fine()
        if weights == "paper":
            return self.predictor(PAPER)
        trained = self.predictor(name)
        if weights == "trained":
            return trained
        from .models import untrained
        from .predictor import Predictor

        with self._lock:
            if name not in self._untrained:
                self._untrained[name] = Predictor(name, untrained(trained.model), source="untrained")
            return self._untrained[name]

    def index(self, name: str) -> Index:
        """What every filter of the network of this name does on the drawn clips, and on those that `index_fetched`
        added; read once. Raises CheckpointError, with the command that makes it."""
        from .indexes import open_index

        if name not in self._indexes:
            self._indexes[name] = open_index(self.checkpoints, name)
        return self._indexes[name]

    def index_fetched(self, name: str, progress: Callable[[float], object] | None = None) -> int:
        """Add the clips that were fetched from the Hub to the index of a network, see `vp.indexes.add_clips`.

        Returns how many are new. Raises CheckpointError.
        """
        from .indexes import add_clips

        added = add_clips(self, name, progress)
        if added:
            self._indexes.pop(name, None)
        return added

    def classifier(self) -> ActionClassifier:
        """The action classifier, loaded once. Raises CheckpointError, if there is none too."""
        from .action_classifier import ActionClassifier

        with self._lock:
            if self._classifier is not None:
                return self._classifier
        net = self.checkpoints.load_classifier()
        predictor = self.predictor(net.config.predictor)
        with self._lock:
            self._classifier = self._classifier or ActionClassifier(predictor, net)
            return self._classifier

    def classify(self, path: str | Path, **options: object) -> Iterator[float | Classification]:
        """Watch the whole of a video file, at most its first `MAX_CLASSIFIED` frames: yields the share that is done, at
        last the `Classification`. options: of `ActionClassifier.watch`. Raises RequestError, VideoError or
        CheckpointError."""
        from .action_classifier import READ_SIZE

        classifier = self.classifier()
        frames = video.read(path, fps=FPS, frames=MAX_CLASSIFIED, size=READ_SIZE)
        yield from _watch(classifier, frames, options)
        give_back()

    def warm_up(self) -> None:
        """Load what is there and predict once, so that the first visitor does not wait for it.

        What the page shows first comes first. A checkpoint that cannot be loaded is left for the moment somebody asks
        for it and can read why.
        """
        if self._checkpoints.trouble:
            return
        for name in sorted(self.checkpoints.names(), key=lambda name: name != DEFAULT):
            with contextlib.suppress(CheckpointError):
                predictor = self.predictor(name)
                predictor.run(np.zeros((predictor.default_seen, *predictor.size, 3), dtype=np.uint8))
        if self.shelves[0].spec == "bundled":
            clips, window = self.shelves[0].clips, Window()
            for clip in clips.search(limit=len(clips)):
                video.read_again(str(clips.path(clip.id)), window.fps, window.start, window.seen + window.horizon)

    def predict(self, path: str | Path, window: Window, *, weights: str = "trained") -> Rollout:
        """Read one window of a video file and predict, with the weights that `network` names.

        Near the end of a clip there may be fewer true frames than predicted ones; there must be enough to see.
        Raises RequestError, VideoError or CheckpointError.
        """
        from .predictor import Predictor

        return self.inspect(Predictor.run, path, window, weights=weights, seen=window.seen, horizon=window.horizon)

    def inspect(
        self,
        experiment: Callable[..., T],
        path: str | Path,
        window: Window,
        *,
        weights: str = "trained",
        **options: object,
    ) -> T:
        """Read one window of a video file and run an experiment of `vp.inspection` on it.

        experiment: called with the predictor, the window's frames and the options. Raises as `predict` does.
        """
        window.check()
        predictor = self.network(window.model, weights, window.size)
        frames = video.read_again(path, window.fps, window.start, window.seen + window.horizon)
        if len(frames) < window.seen:
            raise RequestError(
                f"From {window.start:g} s on, this clip has {len(frames)} {'frame' if len(frames) == 1 else 'frames'} "
                f"at {window.fps} fps, but the network "
                f"is to see {window.seen}. Choose an earlier start, a higher frame rate or fewer seen frames."
            )
        return self.run(experiment, predictor, frames, **options)

    def run(
        self, experiment: Callable[..., T], predictor: Predictor, given: np.ndarray | Rollout, **options: object
    ) -> T:
        """An experiment of `vp.inspection` on frames or on a rollout, when it is its turn."""
        with _TURN:
            try:
                return _run(experiment, predictor, given, options)
            finally:
                give_back()

    def paper(self, path: str | Path, window: Window) -> Rollout | None:
        """The same window by `one_frame` of the paper's design; None where there is no such checkpoint."""
        return self.predict(path, window, weights="paper") if self.checkpoints.has_paper else None

    def silence(self, rollout: Rollout, parts: Sequence[str]) -> Rollout:
        """A rollout by trained weights again, without some parts of its network: see `vp.inspection.silence_parts`.
        Raises RequestError or CheckpointError."""
        from .inspection import silence_parts

        return self.run(silence_parts, self.predictor(rollout.model), rollout, parts=parts)

    def explain(
        self, rollout: Rollout, block: str, kernel: str, filter: int, *, step: int, row: int, column: int
    ) -> Number:
        """One number of a rollout by trained weights, followed through its arithmetic: see
        `vp.inspection.explain_number`. Raises RequestError or CheckpointError."""
        from .inspection import explain_number

        place = {"block": block, "kernel": kernel, "filter": filter, "step": step, "row": row, "column": column}
        return self.run(explain_number, self.predictor(rollout.model), rollout, **place)


@gpu
def _watch(classifier: ActionClassifier, frames: np.ndarray, options: dict) -> Iterator[float | Classification]:
    yield from classifier.watch(frames, **options)


@gpu
def _run(experiment: Callable[..., T], predictor: Predictor, given: np.ndarray | Rollout, options: dict) -> T:
    return experiment(predictor, given, **options)
