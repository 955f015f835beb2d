"""vp.precision: bf16 where it is fast, and what it costs."""

import platform
from pathlib import Path

import numpy as np
import pytest
import torch

from vp import load_predictor, video
from vp.models import BLOCKS, KERNELS, NAMES
from vp.precision import choose_device, choose_dtype, cpu_has_bf16, place
from vp.predictor import Predictor

CPU = torch.device("cpu")


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    return -10 * np.log10(max(np.mean((a.astype(float) - b) ** 2), 1e-12))


def agree(exact, fast) -> None:
    """Two runs of one network in two precisions: pictures within 40 dB, memories too, and not the same."""
    for kind in ("predictions", "one_step"):
        a, b = getattr(exact, kind), getattr(fast, kind)
        assert 40 < decibels(a, b) < 100
    for block in BLOCKS:
        for kernel in KERNELS:
            for quantity in "hzrn":
                a, b = (r.activation(block, kernel, quantity) for r in (exact, fast))
                assert a.std() > 0.01 and np.abs(a - b).mean() < 0.1 * a.std()
                assert np.abs(a[1:] - a[:-1]).mean() > 1e-3


@pytest.mark.parametrize("full_resolution", [False, True])
def test_bf16_and_fp32_agree_to_40_db(make_ladder, moving, full_resolution):
    frames = moving(6, 64, 96)
    style = {"full_resolution": full_resolution, "height": 64, "width": 96}
    exact, fast = (
        Predictor("lvln", make_ladder(**style), device=CPU, dtype=dtype).run(frames, seen=4, horizon=2)
        for dtype in (torch.float32, torch.bfloat16)
    )
    agree(exact, fast)
    # It is no trivial network: its states and pictures vary, over time too, and are no copy.
    assert decibels(exact.predictions, exact.copy_last) < 30
    assert decibels(exact.one_step[1], exact.one_step[2]) < 40


@pytest.mark.parametrize("name", NAMES)
def test_the_bundled_networks_agree_in_bf16_and_fp32(name):
    """Random weights would not do: a motion ladder moves pixels by what its memories say, and random ones shout."""
    frames = video.read(Path(__file__).parents[1] / "assets/clips/walk.mp4", fps=10, frames=8)
    exact, fast = (
        load_predictor(name, device=CPU, dtype=dtype).run(frames, seen=5, horizon=3)
        for dtype in (torch.float32, torch.bfloat16)
    )
    agree(exact, fast)
    assert decibels(exact.predictions, exact.copy_last) < 30


def test_placing_sets_precision_and_layout(make_ladder):
    model = place(make_ladder(), CPU, torch.bfloat16)
    assert all(t.dtype == torch.bfloat16 for t in model.parameters())
    kernels = [p for p in model.parameters() if p.ndim == 4]
    assert kernels and all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


@pytest.mark.parametrize(("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
@pytest.mark.parametrize("capable", [False, True])
def test_the_environment_forces_a_precision(monkeypatch, make_ladder, name, dtype, capable):
    monkeypatch.setattr("vp.precision.cpu_has_bf16", lambda: capable)
    monkeypatch.setenv("VP_PRECISION", name)
    assert choose_dtype(CPU) == dtype
    assert Predictor("lvln", make_ladder(), device=CPU).model.encoder.conv1.weight.dtype == dtype


def test_an_unknown_precision_is_refused(monkeypatch):
    monkeypatch.setenv("VP_PRECISION", "float16")
    with pytest.raises(ValueError, match=r"bfloat16, float32.*'float16'"):
        choose_dtype(CPU)


@pytest.mark.parametrize("capable", [False, True])
def test_the_hardware_decides_otherwise(monkeypatch, capable):
    monkeypatch.setenv("VP_PRECISION", "")
    monkeypatch.setattr("vp.precision.cpu_has_bf16", lambda: capable)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: not capable)
    fast, slow = (torch.bfloat16, torch.float32) if capable else (torch.float32, torch.bfloat16)
    assert choose_dtype(CPU) == fast
    assert choose_dtype(torch.device("cuda")) == slow


@pytest.mark.parametrize("there", [False, True])
def test_a_gpu_is_taken_where_there_is_one(monkeypatch, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device() == torch.device("cuda" if there else "cpu")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": False, "avx512_f": True, "amx_int8": True}, False),
        ({"architecture": "aarch64"}, False),
    ],
    ids=str,
)
def test_bf16_is_read_from_the_capabilities(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert cpu_has_bf16() is expected


@pytest.mark.parametrize(("amx", "avx512"), [(True, False), (False, True), (False, False)])
def test_an_older_torch_is_asked_its_own_way(monkeypatch, amx, avx512):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    assert cpu_has_bf16() is (amx or avx512)


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64", reason="reads the flags that Linux shows on x86-64"
)
def test_the_answer_is_what_linux_says_of_this_cpu():
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("flags")[2].partition("\n")[0].split()
    assert "sse2" in flags
    assert cpu_has_bf16() == ("amx_bf16" in flags or "avx512_bf16" in flags)
