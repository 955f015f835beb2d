"""A repository of checkpoints, opened for reading."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .. import hub
from ..errors import CheckpointError
from ..models import ALL_NAMES, NAMES, PAPER
from . import layout
from .layout import CLASSIFIER, CONFIG, CONFIG_LIMIT, ENCODER, WEIGHTS

if TYPE_CHECKING:  # what loads a network imports these where it does: opening a source need not wait for PyTorch
    import torch
    from torch import nn

    from ..models import Ladder, LadderConfig, StateClassifier

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "checkpoints"
FORMS = "Checkpoints are given as `bundled`, as a folder, or as `hf://owner/name` or `hf://owner/name@revision`."
CARD = "README.md"
# What a source on the Hub has at once; weights come when they are loaded.
SMALL = [CARD, *(f"{name}/{CONFIG}" for name in (*ALL_NAMES, ENCODER, CLASSIFIER))]
# Somebody may be replacing config and weights, one after the other: a pair that does not match is read again.
ATTEMPTS, PAUSE = 5, 0.1

Module = TypeVar("Module", bound="nn.Module")


class CheckpointSource:
    """The predictors in one repository. Holds no weights and no open files, so threads may share it.

    spec: what it was opened by.
    revision: the commit that all files come from, for a Hub repository; None for a folder.
    """

    def __init__(self, spec: str, folder: Path, revision: str | None = None) -> None:
        self.spec = spec
        self.revision = revision
        self._folder = folder

    def names(self) -> list[str]:
        """The predictors that are there, in the order of `vp.models.NAMES`."""
        return [name for name in NAMES if os.path.isfile(self._folder / name / CONFIG)]

    @property
    def has_paper(self) -> bool:
        """Whether the predictor of the paper's design, `vp.models.PAPER`, is there to compare with."""
        return os.path.isfile(self._folder / PAPER / CONFIG)

    @property
    def has_classifier(self) -> bool:
        """Whether an action classifier is there."""
        return os.path.isfile(self._folder / CLASSIFIER / CONFIG)

    def card(self) -> str | None:
        """The model card (Markdown), None if there is none."""
        path = self._folder / CARD
        if not os.path.isfile(path):
            return None
        return layout.read_bytes(path, CONFIG_LIMIT).decode("utf-8", errors="replace")

    def config(self, name: str) -> dict:
        """The checked config.json of a predictor. Raises CheckpointError."""
        self._require(name)
        return layout.read_config(self._folder / name / CONFIG, "predictor")

    def ladder(self, name: str) -> LadderConfig:
        """The configuration of a predictor. Raises CheckpointError."""
        return layout.ladder_config(self._folder / name / CONFIG, self.config(name))

    def load(self, name: str) -> Ladder:
        """The predictor `name` with its encoder: fp32, on the CPU, in eval mode.

        Every tensor of the network comes from the checkpoint and what it predicts is finite, or this raises
        CheckpointError.
        """
        from ..models import build

        config, model, tensors = self._assemble(
            name, lambda: self.config(name), lambda path, config: build(layout.ladder_config(path, config))
        )
        prefix = f"{ENCODER}."
        shared = {
            key.removeprefix(prefix): tensor for key, tensor in model.state_dict().items() if key.startswith(prefix)
        }
        encoder = self._encoder(shared, config["encoder_sha256"])
        tensors |= {prefix + key: tensor for key, tensor in encoder.items()}
        return _filled(model, tensors, self._folder / name / WEIGHTS)

    @property
    def classes(self) -> tuple[str, ...]:
        """The actions that the classifier knows; none where there is no classifier. Raises CheckpointError."""
        if not self.has_classifier:
            return ()
        path = self._folder / CLASSIFIER / CONFIG
        return layout.classifier_config(path, layout.read_config(path, "classifier")).classes

    def load_classifier(self) -> StateClassifier:
        """The action classifier: fp32, on the CPU, in eval mode, made for the predictor that is here beside it.

        Raises CheckpointError as `load` does, and where the predictor is not the one that the classifier was fitted to
        or gives another number of features.
        """
        from ..models import StateClassifier, feature_count

        def read() -> dict:
            if not self.has_classifier:
                self._refuse_pickle(CLASSIFIER)
                raise CheckpointError(
                    f"No classifier checkpoint is loaded: {self.spec} has no {CLASSIFIER}/{CONFIG}. Start the app with "
                    "--checkpoints naming some that do, or make one: python -m train.fit_classifier."
                )
            return layout.read_config(self._folder / CLASSIFIER / CONFIG, "classifier")

        config, net, tensors = self._assemble(
            CLASSIFIER, read, lambda path, config: StateClassifier(layout.classifier_config(path, config))
        )
        name = net.config.predictor
        predictor = self.config(name)
        if predictor.get("weights_sha256") != config["predictor_sha256"]:
            raise CheckpointError(
                f"The action classifier in {self.spec} was fitted to other weights of {name} than are there, so its "
                "scores would mean nothing. Take both from the same checkpoint, or run python -m train.fit_classifier."
            )
        count = feature_count(self.ladder(name), net.config.strategy, net.config.blocks)
        if net.config.features != count:
            raise CheckpointError(
                f"The action classifier in {self.spec} reads {net.config.features:,} numbers of a clip, but this "
                f"version of the program makes {count:,} with {name}. Run python -m train.fit_classifier."
            )
        return _filled(net, tensors, self._folder / CLASSIFIER / WEIGHTS)

    def _assemble(
        self, name: str, read: Callable[[], dict], build: Callable[[Path, dict], Module]
    ) -> tuple[dict, Module, dict[str, torch.Tensor]]:
        """The config, the network it describes (shapes only), and the stored tensors that fit it.

        read: gives the checked config; build: makes the network of it.
        """
        import torch

        from .tensors import fitted, parse_tensors, weights_limit

        for attempt in range(ATTEMPTS):
            config = read()
            # On the meta device a network is shapes only: a crafted configuration allocates nothing.
            with torch.device("meta"):
                net = build(self._folder / name / CONFIG, config)
            own = {key: tensor for key, tensor in net.state_dict().items() if not key.startswith(f"{ENCODER}.")}
            weights = self._weights(name, weights_limit(own))
            data = layout.read_bytes(weights, weights_limit(own))
            # Before the hash: a file that is cut short has a better explanation, and is nobody's half-way state.
            tensors = parse_tensors(data, weights)
            if config.get("weights_sha256", digest := layout.sha256(data)) == digest:
                return config, net, fitted(tensors, own, weights)
            if self.revision or attempt == ATTEMPTS - 1:  # a commit does not change
                break
            time.sleep(PAUSE)
        raise CheckpointError(
            f"{weights} is not the file that its {CONFIG} was written for (SHA-256 {digest[:12]}…, "
            f"not {config['weights_sha256'][:12]}…). {layout.again(weights)}"
        )

    def _encoder(self, expected: dict[str, torch.Tensor], wanted: str) -> dict[str, torch.Tensor]:
        from .tensors import fitted, parse_tensors, weights_limit

        config = self._folder / ENCODER / CONFIG
        if not os.path.isfile(config):
            raise CheckpointError(
                f"{self.spec} has no {ENCODER}/{CONFIG}: the encoder, which all predictors share, is missing."
            )
        layout.read_config(config, "encoder")
        weights = self._weights(ENCODER, weights_limit(expected))
        data = layout.read_bytes(weights, weights_limit(expected))
        if (digest := layout.sha256(data)) != wanted:
            parse_tensors(data, weights)
            raise CheckpointError(
                f"{weights} is not the encoder that this predictor was trained with (SHA-256 {digest[:12]}…, not "
                f"{wanted[:12]}…). Take both from the same checkpoint, or delete {os.path.realpath(weights)} and "
                "download it again."
            )
        return fitted(parse_tensors(data, weights), expected, weights)

    def _require(self, name: str) -> None:
        if name in self.names() or (name == PAPER and self.has_paper):
            return
        there = f"it holds {', '.join(self.names())}" if self.names() else "it holds no predictor"
        if name not in ALL_NAMES:
            raise CheckpointError(f"There is no predictor {name!r} ({', '.join(NAMES)} exist); in {self.spec} {there}.")
        self._refuse_pickle(name)
        raise CheckpointError(f"{self.spec} has no {name}/{CONFIG}: {there}.")

    def _weights(self, name: str, limit: int) -> Path:
        """Path of the weights of `name`, which may not be longer than `limit` bytes."""
        path = self._folder / name / WEIGHTS
        if not os.path.isfile(path):
            self._refuse_pickle(name)
            raise CheckpointError(f"{self.spec} has no {name}/{WEIGHTS}: the checkpoint is incomplete.")
        return path

    def _refuse_pickle(self, name: str) -> None:
        """Raise CheckpointError if there is a pickled file where the safetensors file should be."""
        for file in self._listing():
            if layout.is_pickle(file) and (file.startswith(f"{name}/") or "/" not in file):
                raise CheckpointError(layout.refusal(f"{file} of {self.spec}"))

    def _listing(self) -> list[str]:
        """Paths of the files in the repository, one folder deep."""
        try:
            paths = sorted([*self._folder.glob("*"), *self._folder.glob("*/*")])
        except OSError:
            return []
        return [path.relative_to(self._folder).as_posix() for path in paths]


def _filled(net: Module, tensors: dict[str, torch.Tensor], path: Path) -> Module:
    """A network that was shapes only, with values in it, tried out. path: of its weights, for the words of errors."""
    from .trial import try_out

    net.load_state_dict(tensors, assign=True)
    # Only what is in no state_dict, such as a non-persistent buffer, could still be without values.
    if empty := [key for key, tensor in (*net.named_parameters(), *net.named_buffers()) if tensor.is_meta]:
        raise CheckpointError(f"{path} leaves parts of the network without values: {', '.join(empty)}.")
    try_out(net.eval(), str(path))
    return net


class HubSource(CheckpointSource):
    """One commit of a repository on the Hub. Weights are downloaded when they are first loaded."""

    def __init__(self, repository: hub.Repository) -> None:
        spec = str(repository.address)
        small = [file for file in SMALL if file in repository.files]
        if not small:
            raise CheckpointError(
                f"{spec} holds none of the checkpoints that this explorer knows: {', '.join(ALL_NAMES)}."
            )
        for file in small:  # all of them before the first is downloaded
            if (size := repository.files[file] or 0) > CONFIG_LIMIT:
                raise CheckpointError(f"{file} of {spec} is too large: {size:,} bytes for {CONFIG_LIMIT:,}.")
        for file in small:
            path = repository.fetch(file)
        # The client keeps the files of each commit in a folder.
        super().__init__(spec, path.parents[file.count("/")], repository.commit)
        self._repository = repository

    def _weights(self, name: str, limit: int) -> Path:
        file = f"{name}/{WEIGHTS}"
        if file not in self._repository.files:
            return super()._weights(name, limit)  # which says what is there instead
        return self._repository.fetch(file, limit=limit)

    def _listing(self) -> list[str]:
        return list(self._repository.files)


def open_checkpoints(spec: str) -> CheckpointSource:
    """Open `bundled`, a folder, or `hf://owner/name@revision` (the revision is `main` unless given).

    The web address of a repository on the Hub does as well. A revision is resolved once: all files of the source come
    from that commit, out of the client's cache when the Hub cannot be reached. Raises CheckpointError if the spec is
    malformed or there is no such repository; not if it lacks some predictor.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise CheckpointError(f"{spec!r} is no place for checkpoints. {FORMS}")
    spec = spec.strip()
    if hub.is_address(spec):
        try:
            address = hub.parse_address(spec, "model")
        except ValueError as error:
            raise CheckpointError(f"{error} {FORMS}") from None
        return HubSource(hub.open_repository(address))
    if "://" in spec:
        raise CheckpointError(f"Checkpoints cannot be read from {spec!r}. {FORMS}")
    folder = BUNDLED if spec == "bundled" else Path(os.path.expanduser(spec))
    if os.path.isfile(folder):
        hint = layout.refusal(spec) if layout.is_pickle(spec) else FORMS
        raise CheckpointError(f"{spec} is a file, not a folder. {hint}")
    if not os.path.isdir(folder):
        raise CheckpointError(f"There is no folder {folder}. {FORMS}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CheckpointError(f"The folder {folder} cannot be read: permission denied.")
    return CheckpointSource(spec, folder)
