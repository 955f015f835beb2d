"""What is in a weights file: apart from `layout`, since only who loads a network has to wait for PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ..errors import CheckpointError
from .layout import CONFIG, again, some

# What may be stored: anything that fp32 holds exactly.
STORED = (torch.float32, torch.bfloat16, torch.float16)
# Two hundred tensors make a header of 20 kB.
HEADER_LIMIT = 1 << 20


def parse_tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors of the bytes of a safetensors file. Raises CheckpointError for damaged ones; `path` is for its words."""
    try:
        return safetensors.torch.load(data)
    except Exception as error:  # SafetensorError, but also KeyError and ValueError for types torch does not know
        size, promised = len(data), _promised_size(data)
        if promised is not None and promised != size:
            what = f"it holds {size:,} bytes where its header promises {promised:,}"
        else:
            what = f"its {size:,} bytes are not a complete safetensors file"
        raise CheckpointError(f"{path} is damaged or cut short: {what}. {again(path)}") from error


def fitted(tensors: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Stored tensors in the types of `expected` (the state of a network on the meta device): floats become fp32.

    Raises CheckpointError unless names and shapes agree exactly, types are of the same sort and all numbers finite.
    """
    problems = []
    if missing := sorted(set(expected) - set(tensors)):
        problems.append(f"missing {some(missing)}")
    if extra := sorted(set(tensors) - set(expected)):
        problems.append(f"unexpected {some(extra)}")
    both = [name for name in expected if name in tensors]
    if shapes := [
        f"{name} {list(tensors[name].shape)} for {list(expected[name].shape)}"
        for name in both
        if tensors[name].shape != expected[name].shape
    ]:
        problems.append(f"wrong shape of {some(shapes)}")
    if types := [f"{name} {tensors[name].dtype}" for name in both if not _castable(tensors[name], expected[name])]:
        problems.append(f"wrong type of {some(types)}")
    if problems:
        raise CheckpointError(
            f"{path} does not fit the network of its {CONFIG}: {'; '.join(problems)}. "
            "The two files must come from the same checkpoint."
        )
    cast = {name: tensors[name].to(expected[name].dtype) for name in expected}
    if broken := [name for name, tensor in cast.items() if not finite(tensor)]:
        raise CheckpointError(f"{path} holds numbers that are not finite in {some(broken)}. {again(path)}")
    return cast


def finite(tensor: Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity."""
    # One pass without a temporary: both extremes of a tensor with a NaN are NaN.
    return tensor.numel() == 0 or all(bool(torch.isfinite(extreme)) for extreme in torch.aminmax(tensor))


def weights_limit(expected: dict[str, Tensor]) -> int:
    """The most bytes that a weights file for this state can take."""
    return HEADER_LIMIT + sum(tensor.numel() * max(4, tensor.element_size()) for tensor in expected.values())


def _promised_size(data: bytes) -> int | None:
    """File size according to a safetensors header, None if the header itself is unreadable."""
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > min(HEADER_LIMIT, len(data) - 8):
        return None
    try:
        entries = json.loads(data[8 : 8 + header])
        return 8 + header + max(entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None


def _castable(stored: Tensor, wanted: Tensor) -> bool:
    # Batch norm counts its batches in an int64; everything else is a float.
    return stored.dtype in STORED if wanted.is_floating_point() else stored.dtype == wanted.dtype
