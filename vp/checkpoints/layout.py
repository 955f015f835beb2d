"""The two files of a checkpoint, read as if a stranger had written them.

config.json is bounded and checked field by field. model.safetensors is read into memory in one go, so that its
hash, its header and its tensors are those of the same bytes even while somebody replaces the file; see `tensors`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from ..errors import CheckpointError
from ..models import ClassifierConfig, ConfigError, LadderConfig

FORMAT = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
ENCODER = "encoder"
CLASSIFIER = "classifier"
ARCHITECTURE = "resnet18-folded"
PRECISIONS = ("bfloat16", "float32")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

CONFIG_LIMIT = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: Path, limit: int) -> bytes:
    """The whole file. Raises CheckpointError if it is missing, unreadable or longer than `limit` bytes."""
    # Not a pipe or a device: opening one could block for ever.
    if not os.path.isfile(path):
        raise CheckpointError(f"{path} is missing or is not a file.")
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > limit:
        raise CheckpointError(f"{path} is too large: {size:,} bytes, where at most {limit:,} make sense. {again(path)}")
    return data


def read_config(path: Path, kind: str) -> dict:
    """A checked config.json of a "predictor", an "encoder" or a "classifier"; raises CheckpointError.

    Unknown fields are kept: they are for people, or for a later version.
    """
    data = read_bytes(path, CONFIG_LIMIT)
    try:
        config = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number too long, nested too deep
        raise CheckpointError(f"{path} is not valid JSON. {again(path)}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path} must hold a JSON object, not a {type(config).__name__}.")
    version = config.get("format")
    if type(version) is not int:
        raise CheckpointError(f'{path} is not a checkpoint configuration: it has no "format" number.')
    if version != FORMAT:
        raise CheckpointError(
            f"{path} has format {version}; this version of the explorer reads format {FORMAT}. "
            "Update the explorer, or choose another revision of the checkpoints."
        )
    if config.get("kind") != kind:
        raise CheckpointError(f'{path} must be of kind "{kind}", not {_short(config.get("kind"))}.')
    if kind == "encoder":
        _one_of(path, config, "architecture", (ARCHITECTURE,))
    else:
        _one_of(path, config, "precision", PRECISIONS)
        (ladder_config if kind == "predictor" else classifier_config)(path, config)
        _hash(path, config, "encoder_sha256" if kind == "predictor" else "predictor_sha256")
    if "weights_sha256" in config:
        _hash(path, config, "weights_sha256")
    return config


def ladder_config(path: Path, config: dict) -> LadderConfig:
    """The network that a predictor's config.json describes."""
    try:
        return LadderConfig.from_dict(config.get("ladder"))
    except ConfigError as error:
        raise CheckpointError(f'{path}: "ladder" does not describe a network: {_short(error)}.') from error


def classifier_config(path: Path, config: dict) -> ClassifierConfig:
    """The classifier that its config.json describes."""
    try:
        return ClassifierConfig.from_dict(config.get("classifier"))
    except ConfigError as error:
        raise CheckpointError(f'{path}: "classifier" does not describe a classifier: {_short(error)}.') from error


def again(path: Path) -> str:
    """What to do about a damaged file."""
    # In the Hub's cache the name is a link to a blob: deleting only the link would bring the same bytes back.
    return f"Delete {os.path.realpath(path)} and download or save it again."


def refusal(name: str) -> str:
    """What to say about a pickled checkpoint."""
    return (
        f"{name} is a pickled checkpoint, which can run any code when opened, so it is refused. Convert it where you "
        "trust it: torch.load(file, weights_only=True), then vp.checkpoints.save_predictor."
    )


def is_pickle(name: str) -> bool:
    """Whether a file name says that the file is pickled."""
    return name.lower().endswith(PICKLES)


def _one_of(path: Path, config: dict, field: str, known: tuple[str, ...]) -> None:
    value = config.get(field)
    if not isinstance(value, str) or value not in known:
        raise CheckpointError(f'{path}: "{field}" must be {" or ".join(known)}, not {_short(value)}.')


def _hash(path: Path, config: dict, field: str) -> None:
    value = config.get(field)
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise CheckpointError(f'{path}: "{field}" must be 64 hexadecimal digits, not {_short(value)}.')


def _short(value: object) -> str:
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def some(names: list[str]) -> str:
    """The first few of these names, for people."""
    # Names come from the file: no control characters, no novels.
    shown = ", ".join(name if len(name) < 100 and name.isprintable() else _short(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
