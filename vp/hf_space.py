"""Running as a Hugging Face Space on shared GPUs (ZeroGPU), where a GPU exists only inside marked functions."""

from __future__ import annotations

from collections.abc import Callable

try:
    import spaces
except ImportError:  # everywhere but on a Space
    spaces = None


def gpu(function: Callable) -> Callable:
    """Mark a function that runs a network. Does nothing outside a ZeroGPU Space."""
    return spaces.GPU(function) if spaces is not None else function
