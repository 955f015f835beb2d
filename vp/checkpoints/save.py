"""Writing checkpoints: atomic, so that the app may read while training writes, and the same bytes every time."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ..errors import CheckpointError
from ..models import ALL_NAMES, Ladder, StateClassifier
from ..models.encoder import Encoder
from ..replacing import replacing
from . import layout
from .layout import ARCHITECTURE, CLASSIFIER, CONFIG, ENCODER, FORMAT, PRECISIONS, WEIGHTS
from .tensors import finite, parse_tensors, weights_limit
from .trial import try_out


def save_encoder(folder: str | Path, model: Ladder | Encoder, *, provenance: str, precision: str = "bfloat16") -> None:
    """Write `encoder/` into `folder`: the encoder that every predictor saved there afterwards must have.

    model: an encoder, or a ladder whose encoder is taken.
    provenance: where its weights come from and under which licence.
    precision: "bfloat16" or "float32", what the weights are stored in.
    Raises CheckpointError if a weight is not finite or the folder cannot be written.
    """
    encoder = model.encoder if isinstance(model, Ladder) else model
    config = {
        "format": FORMAT,
        "kind": "encoder",
        "architecture": ARCHITECTURE,
        "precision": precision,
        "provenance": provenance,
    }
    _write(Path(folder) / ENCODER, _stored(encoder.state_dict(), precision), config)


def save_predictor(
    folder: str | Path, name: str, model: Ladder, *, training: dict, scores: dict, precision: str = "bfloat16"
) -> None:
    """Write a predictor without its encoder into `folder`/`name`, beside the encoder saved before.

    name: "lvln", "one_frame" or "full_res", or `vp.models.PAPER`.
    training, scores: free-form, JSON types only.
    Raises CheckpointError if a weight or a prediction is not finite (the checkpoint written before is left alone), the
    encoder is not the one in the folder, or the folder cannot be written.
    """
    if name not in ALL_NAMES:
        raise CheckpointError(f"There is no predictor {name!r}; {', '.join(ALL_NAMES)} exist.")
    folder = Path(folder)
    tensors = _stored(
        {key: value for key, value in model.state_dict().items() if not key.startswith(f"{ENCODER}.")}, precision
    )
    config = {
        "format": FORMAT,
        "kind": "predictor",
        "ladder": model.config.to_dict(),
        "encoder_sha256": _matching_encoder(folder / ENCODER / WEIGHTS, model.encoder),
        "precision": precision,
        "training": training,
        "scores": scores,
    }
    _try_out(model, name)
    _write(folder / name, tensors, config)


def save_classifier(
    folder: str | Path, net: StateClassifier, *, training: dict, scores: dict, precision: str = "bfloat16"
) -> None:
    """Write `classifier/` into `folder`, beside the predictor whose states it reads.

    training, scores: free-form, JSON types only.
    Raises CheckpointError if a weight or a score is not finite, the predictor is not there, or the folder cannot be
    written.
    """
    folder = Path(folder)
    name = net.config.predictor
    predictor = layout.read_config(folder / name / CONFIG, "predictor")
    if "weights_sha256" not in predictor:
        raise CheckpointError(f"{folder / name / CONFIG} does not say which weights it belongs to: save {name} again.")
    config = {
        "format": FORMAT,
        "kind": "classifier",
        "classifier": net.config.to_dict(),
        "predictor_sha256": predictor["weights_sha256"],
        "precision": precision,
        "training": training,
        "scores": scores,
    }
    tensors = _stored(net.state_dict(), precision)
    _try_out(net, CLASSIFIER)
    _write(folder / CLASSIFIER, tensors, config)


def _try_out(net: Ladder | StateClassifier, name: str) -> None:
    """Raise CheckpointError if a network predicts what is not finite. It itself may be in training, and elsewhere."""
    try_out(copy.deepcopy(net).float().cpu().eval(), f"{name} is not saved")


def _matching_encoder(path: Path, encoder: Encoder) -> str:
    """SHA-256 of the stored encoder, after making sure that it is the model's."""
    own = encoder.state_dict()
    data = layout.read_bytes(path, weights_limit(own))
    stored = parse_tensors(data, path)
    same = stored.keys() == own.keys() and all(
        torch.equal(value.detach().cpu().to(stored[key].dtype), stored[key]) for key, value in own.items()
    )
    if not same:
        raise CheckpointError(
            f"The model's encoder is not the one in {path}: save_encoder first, or into another folder."
        )
    return layout.sha256(data)


def _stored(state: dict[str, Tensor], precision: str) -> dict[str, Tensor]:
    """A state on the CPU with its floats in the given precision (the counters of batch norms stay integers)."""
    if precision not in PRECISIONS:
        raise CheckpointError(f"Weights are stored as {' or '.join(PRECISIONS)}, not {precision!r}.")
    stored = getattr(torch, precision)
    tensors = {
        key: value.detach().cpu().to(stored if value.is_floating_point() else value.dtype).contiguous()
        for key, value in state.items()
    }
    if broken := [key for key, value in tensors.items() if not finite(value)]:
        raise CheckpointError(
            f"Not saved: numbers that are not finite in {broken[0]} and {len(broken) - 1} more tensors."
        )
    return tensors


def _write(folder: Path, tensors: dict[str, Tensor], config: dict) -> None:
    data = safetensors.torch.save(tensors)
    config = {**config, "weights_sha256": layout.sha256(data)}
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        encoded = text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"Not saved: the description of {folder.name} is not plain JSON: {error}.") from error
    if len(encoded) > layout.CONFIG_LIMIT:
        raise CheckpointError(
            f"Not saved: the description of {folder.name} takes more than {layout.CONFIG_LIMIT:,} bytes."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace({folder / WEIGHTS: data, folder / CONFIG: encoded})
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror or error}.") from error


def _replace(contents: dict[Path, bytes]) -> None:
    """Replace files by complete new ones, in this order: weights first, so that no config promises what is absent."""
    # All are on the disk before the first is renamed: readers hardly ever meet a new one beside an old one. What was
    # begun last takes its place first.
    with contextlib.ExitStack() as files:
        for path, data in reversed(contents.items()):
            with open(files.enter_context(replacing(path)), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
