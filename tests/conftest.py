"""What several test files share: the data beside the repository, tiny networks, moving pictures."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# Settings of the person who runs the tests. HF_HUB_OFFLINE stays as it is: the hub tests talk to a server of their own.
for _name in ("VP_PRECISION", "HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN"):
    os.environ.pop(_name, None)
# `pytest` alone does not put the repository on the path, `python -m pytest` does.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# OpenMP reads this when torch loads it. Threads that spin while they wait are ten times slower than threads that
# sleep once another program wants the cores. The programs that tests start keep the default.
_before = os.environ.get("OMP_WAIT_POLICY")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import av  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from vp.models import Ladder, LadderConfig, build  # noqa: E402
from vp.models.decoder import LayerNorm  # noqa: E402
from vp.models.encoder import Encoder  # noqa: E402

if _before is None:
    del os.environ["OMP_WAIT_POLICY"]
torch.set_num_threads(min(2, torch.get_num_threads()))

# The machines that run this are shared: how long one example takes says nothing.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")


def _data(variable: str, place: str) -> Path:
    """A path in `../shared` or where `variable` says. Skips only where there is no such data at all."""
    if chosen := os.environ.get(variable):
        if not Path(chosen).exists():
            pytest.fail(f"{variable} is {chosen}, which does not exist")
        return Path(chosen).resolve()
    if not SHARED.exists():
        pytest.skip(f"no data beside the repository: set {variable}")
    if not (SHARED / place).exists():
        pytest.fail(f"../shared is there but {place} is missing from it")
    return SHARED / place


@pytest.fixture(autouse=True)
def no_real_time():
    """SVT-AV1, where root encodes by it, gives the thread that called it real-time priority, which all threads and
    programs inherit that are started later. Two such workers on two cores keep everything else from running, the
    threads included that they wait for."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="session")
def ucf101() -> Path:
    """The UCF101 folder: `videos/`, `original/`, `splits/`."""
    return _data("VP_UCF101", "ucf101")


@pytest.fixture(scope="session")
def originals(ucf101: Path) -> list[Path]:
    """Untouched UCF101 files: 320x240 XviD .avi."""
    found = sorted((ucf101 / "original").glob("*/*.avi"))
    assert found, f"no .avi in {ucf101 / 'original'}"
    return found


@pytest.fixture(scope="session")
def imagenet_encoder() -> Path:
    """The folded ImageNet weights of the encoder, a safetensors file (without layer4)."""
    return _data("VP_ENCODER", "encoder/resnet18_imagenet_folded.safetensors")


@pytest.fixture(scope="session")
def make_config() -> Callable[..., LadderConfig]:
    """A tiny configuration with a different width in every block: `make_config(design="motion")`."""

    def make(**changes: object) -> LadderConfig:
        tiny = {"height": 32, "width": 64, "gru_widths": (2, 3, 4, 5), "decoder_width": 32, "lateral_width": 4}
        return LadderConfig(**{**tiny, **changes})

    return make


@pytest.fixture
def tiny_config(make_config: Callable[..., LadderConfig]) -> LadderConfig:
    """The plainest tiny configuration: the paper's design, pixel shuffle."""
    return make_config()


@pytest.fixture(scope="session")
def make_ladder(make_config: Callable[..., LadderConfig]) -> Callable[..., Ladder]:
    """A tiny network in eval mode whose every part matters: `make_ladder(seed=1, design="motion")`.

    At its initialisation a motion ladder only copies, locations and norms do nothing and half of the encoder's
    convolutions are zero; here all of them have random values, and a motion ladder is calibrated on random pictures.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        encoder = Encoder()
        for name, tensor in encoder.named_parameters():
            if name.endswith("conv2.weight"):
                tensor.normal_(0, 0.02)

    def make(seed: int = 0, **changes: object) -> Ladder:
        with torch.random.fork_rng(devices=[]), torch.no_grad(), pytest.MonkeyPatch.context() as patch:
            torch.manual_seed(seed)
            # Initialising 11 million parameters takes most of the time that these tests have.
            patch.setattr("vp.models.ladder.Encoder", lambda: copy.deepcopy(encoder))
            model = build(make_config(**changes)).eval()
            for name, tensor in model.named_parameters():
                if name.endswith(".location"):
                    tensor.normal_(0, 0.5)
                elif name.startswith("laterals.") and ".grus." in name:
                    tensor.mul_(3)
                elif name.startswith(("head.output.", "motion.")):
                    tensor.normal_(0, 0.2)
                elif name.startswith("blend.output."):
                    tensor.add_(torch.randn_like(tensor), alpha=0.03)
            for norm in (m for m in model.modules() if isinstance(m, (nn.BatchNorm2d, LayerNorm))):
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.normal_(0, 0.2)
                if isinstance(norm, nn.BatchNorm2d):
                    norm.running_mean.normal_(0, 0.3)
                    norm.running_var.uniform_(0.5, 2)
            if model.config.design == "motion":
                coarse = torch.rand(4, 3, 8, 16)
                model.calibrate(F.interpolate(coarse, size=(64, 128), mode="bicubic").clamp(0, 1))
        return model

    return make


@pytest.fixture(scope="session")
def moving() -> Callable[..., np.ndarray]:
    """Smooth coloured waves that travel: `moving(count, height, width)` -> uint8 [count, height, width, 3]."""

    def make(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        t, y, x = np.ogrid[:count, :height, :width]
        frames = np.zeros((count, height, width, 3))
        for colour in (0, 1, 2, 0, 1, 2):
            ky, kx, speed = rng.uniform(-0.4, 0.4, 3)
            frames[..., colour] += np.sin(ky * y + kx * x + 3 * speed * t + rng.uniform(0, 6))
        return (255 * (0.5 + frames / 4).clip(0, 1)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def moving_batch(moving: Callable[..., np.ndarray]) -> Callable[..., torch.Tensor]:
    """The same as a batch for a network: float32 [batch, count, 3, height, width] in [0, 1]."""

    def make(batch: int, count: int, height: int = 32, width: int = 64) -> torch.Tensor:
        clips = np.stack([moving(count, height, width, seed=seed) for seed in range(batch)])
        return torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 255

    return make


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Write frames uint8 [T, H, W, 3] as H.264: `write_video(path, frames, fps=25)` -> path."""

    def write(path: Path, frames: np.ndarray, fps: int = 25) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "10"})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
            container.mux(stream.encode())
        return path

    return write
