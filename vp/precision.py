"""Which device and number format the networks run in."""

from __future__ import annotations

import os

import torch
from torch import nn

PRECISIONS = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 numbers itself (AMX or AVX512-BF16), as PyTorch reports it.

    PyTorch runs bf16 on other CPUs too, by conversion, and is then slower than in fp32.
    """
    if hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name)() for name in checks if hasattr(torch.cpu, name))


def choose_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware has it, else fp32. The environment variable VP_PRECISION forces one."""
    if forced := os.environ.get("VP_PRECISION"):
        if forced not in PRECISIONS:
            raise ValueError(f"VP_PRECISION must be one of {', '.join(PRECISIONS)}, not {forced!r}")
        return PRECISIONS[forced]
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
    return torch.bfloat16 if native else torch.float32


def place(model: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Move a network to a device and number format, channels last: that layout is worth 2x on CPUs."""
    return model.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)
