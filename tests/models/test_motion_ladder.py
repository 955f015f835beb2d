"""vp.models.motion_ladder: memories that move pixels, level by level."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from vp import video
from vp.models import BLOCKS, KERNELS, NAMES, build, motion_ladder, preset
from vp.models.blending import Blend
from vp.models.matching import SHIFTS
from vp.models.motion_ladder import BANDS, MotionLadder, low_pass
from vp.models.silence import Part, masks
from vp.predictor import load_predictor

CLIPS = Path(__file__).resolve().parents[2] / "assets" / "clips"
DOWN = ("C4", "C3", "C2", "C1")


@pytest.fixture(scope="module", params=[False, True], ids=["half", "full"])
def model(request, make_ladder) -> MotionLadder:
    """Random weights everywhere, the steps' and the head's too."""
    return make_ladder(design="motion", full_resolution=request.param)


@pytest.fixture(scope="module", params=NAMES)
def fresh(request) -> MotionLadder:
    torch.manual_seed(0)
    return build(preset(request.param, "motion")).eval()


def silent(model: MotionLadder, *blocks: str, batch: int = 1) -> dict:
    """These blocks without their memories, their convolutions as ever."""
    parts = [Part(block, kernel) for block in blocks for kernel in KERNELS]
    return masks([parts] * batch, model.config, torch.zeros(()))


def still_head(model: MotionLadder, monkeypatch) -> None:
    """The head as it is at first: it moves the last frame by the flow that it is given and adds nothing."""
    head = Blend(model.blend.expand.in_channels, full_resolution=model.config.full_resolution)
    monkeypatch.setattr(model, "blend", head)


# --- before training ----------------------------------------------------------------------------------------------


@torch.inference_mode()
@pytest.mark.parametrize("size", [(32, 32), (64, 96), (96, 32)])
def test_at_step_0_every_prediction_is_the_last_frame(fresh, moving_batch, size):
    frames = moving_batch(2, 3, *size)
    out = fresh.rollout(frames, 3)
    torch.testing.assert_close(out.frames[:, :3], frames, rtol=0, atol=1e-4)
    torch.testing.assert_close(out.frames[:, 3:], frames[:, -1:].expand(-1, 2, -1, -1, -1), rtol=0, atol=1e-4)
    assert not out.flow.any() and not any(flow.any() for flow in out.levels.values())
    assert any(h.any() for h in out.state.memory["C1"].values())  # it watches, but says nothing yet


def test_at_step_0_the_loss_reaches_every_step_of_every_level(fresh, moving_batch):
    fresh.encoder.requires_grad_(False)
    frames = moving_batch(1, 3, 64, 96)
    (fresh(frames[:, :2]).frames - frames[:, 1:]).square().mean().backward()
    for block in BLOCKS:
        assert fresh.motion[block].step.weight.grad.abs().sum() > 0, block
    assert fresh.blend.output.weight.grad.abs().sum() > 0
    fresh.zero_grad()


# --- what moves ---------------------------------------------------------------------------------------------------


@torch.inference_mode()
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("full_resolution", [False, True])
def test_without_its_memories_nothing_moves(make_ladder, moving_batch, full_resolution, seed, monkeypatch):
    model = make_ladder(seed, design="motion", full_resolution=full_resolution)
    frames = moving_batch(2, 4)
    silence = silent(model, *BLOCKS, batch=2)
    out = model.rollout(frames, 2, silence=silence)
    assert not any(flow.any() for flow in out.levels.values())
    assert not out.flow.any()
    assert model.rollout(frames, 2).levels["C1"].abs().mean() > 0.1
    still_head(model, monkeypatch)
    out = model.rollout(frames, 2, silence=silence)
    torch.testing.assert_close(out.frames[:, :4], frames, rtol=0, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("block", BLOCKS)
def test_silencing_a_blocks_memories_changes_the_flow_from_there_on_down(model, moving_batch, block):
    frames = moving_batch(1, 3)
    plain, hurt = model(frames), model(frames, silence=silent(model, block))
    place = DOWN.index(block)
    for above in DOWN[:place]:
        assert torch.equal(plain.levels[above], hurt.levels[above])
    for below in DOWN[place:]:
        assert (plain.levels[below] - hurt.levels[below]).abs().max() > 1e-2, below
    assert (plain.flow - hurt.flow).abs().max() > 1e-2 and (plain.frames - hurt.frames).abs().max() > 1e-3


def steps_of(model: MotionLadder, frames: torch.Tensor) -> tuple[dict[str, torch.Tensor], object]:
    """What each block adds [B, T, 2, h, w] in pixels, and the output."""
    steps = {}
    hooks = [
        model.motion[block].register_forward_hook(lambda _, __, made, block=block: steps.update({block: made}))
        for block in BLOCKS
    ]
    out = model(frames)
    for hook in hooks:
        hook.remove()
    batch, count = frames.shape[:2]
    return {b: s.unflatten(0, (count, batch)).transpose(0, 1) for b, s in steps.items()}, out


def up(flow: torch.Tensor) -> torch.Tensor:
    """[B, T, 2, h, w] in pixels at twice the resolution, still in pixels."""
    return F.interpolate(flow.flatten(0, 1), scale_factor=2, mode="bilinear").unflatten(0, flow.shape[:2])


@torch.inference_mode()
def test_the_flow_of_a_level_is_the_coarser_one_enlarged_and_its_own_step(model, moving_batch):
    steps, out = steps_of(model, moving_batch(2, 3))
    coarser = None
    for block in DOWN:
        want = steps[block] if coarser is None else up(coarser) + steps[block]
        torch.testing.assert_close(out.levels[block], want, rtol=0, atol=1e-3)
        assert steps[block].abs().max() > 0.01
        coarser = out.levels[block]
    torch.testing.assert_close(out.flow, coarser if model.config.full_resolution else up(coarser), rtol=0, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("block", BLOCKS)
def test_no_memory_moves_what_is_another_levels(model, block):
    """Waves across the frame, of a length in the middle of each level's band: its own passes, those of others do not.
    Half a wave is the size of what moves."""
    motion, stride = model.motion[block], model.config.strides[BLOCKS.index(block)]
    at = (torch.arange(512 // stride) + 0.5) * stride
    waves = {"C1": 8, "C2": 24, "C3": 64, "C4": 256}
    passed = {}
    for name, length in waves.items():
        if length <= 2 * stride:
            continue  # nothing so small can be said on this map
        wave = torch.sin(2 * torch.pi * at / length).expand(1, 2, len(at), -1)
        passed[name] = motion.band(wave).std() / wave.std()
    assert passed.pop(block) > 0.45
    most = max(passed.values())
    # The edges of such a pyramid are soft: a neighbour has less than half, everyone else a third.
    assert most < 0.5 and all(p < 0.35 for name, p in passed.items() if abs(int(name[1]) - int(block[1])) > 1), passed


@torch.inference_mode()
def test_only_the_coarsest_memory_can_move_everything_alike(model):
    for block in BLOCKS:
        motion = model.motion[block]
        memory = torch.ones(1, motion.step.in_channels, 96, 96)
        context, found = torch.zeros(1, motion.gain.in_channels, 96, 96), torch.ones(1, 2, 96, 96)
        whole = motion.step(memory)[..., 32:-32, 32:-32]
        made = motion(memory, context, found)[..., 32:-32, 32:-32]
        assert whole.abs().max() > 0.01
        assert made.abs().max() > 0.01 if BANDS[block][1] is None else made.abs().max() < 1e-5


@torch.inference_mode()
def test_a_memory_believes_what_was_found_as_far_as_it_says(model):
    motion = model.motion["C4"]
    memory = torch.rand(1, motion.step.in_channels, 8, 8)
    context = torch.zeros(1, motion.gain.in_channels, 8, 8)
    found = torch.tensor([3.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 8, 8)
    added = motion(memory, context, torch.zeros_like(found))
    amount = motion.step(memory)[:, :1] * (1 + motion.gain.bias.view(1, 2, 1, 1))
    want = low_pass(amount * found, motion.fine)
    assert want.abs().max() > 0.01
    torch.testing.assert_close(motion(memory, context, found) - added, want, rtol=0, atol=1e-4)
    assert not motion(torch.zeros_like(memory), context, found).any()


@torch.inference_mode()
def test_a_known_flow_moves_the_last_frame_by_it(make_ladder, moving_batch, monkeypatch):
    """C4 moves all 24 pixels to the right, the others hold still."""
    model = make_ladder(design="motion", height=64, width=96)
    still_head(model, monkeypatch)
    for block in BLOCKS:
        monkeypatch.setattr(
            model.motion[block], "forward", lambda memory, *_, b=block: fixed(memory, 24.0 * (b == "C4"))
        )

    def fixed(memory: torch.Tensor, right: float) -> torch.Tensor:
        return torch.tensor([right, 0.0]).view(1, 2, 1, 1).expand(len(memory), 2, *memory.shape[-2:])

    frames = moving_batch(1, 2, 64, 96)
    out = model(frames)
    assert all((flow[:, :, 0] == 24).all() and not flow[:, :, 1].any() for flow in out.levels.values())
    torch.testing.assert_close(out.frames[..., :-24], frames[..., 24:], rtol=0, atol=1e-3)


# --- what is observed ---------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_the_first_frame_is_matched_with_itself_and_the_next_with_the_one_before(model, moving_batch):
    frames = moving_batch(2, 3)
    flat = frames.transpose(0, 1).flatten(0, 1)
    seen = model.observe(flat, batch=2)
    for block in BLOCKS:
        compared, displacement = seen.evidence[block][:, :SHIFTS], seen.displacement[block]
        assert not compared[:2].any() and not displacement[:2].any()
        assert compared[2:].abs().max() > 0.1 and displacement[2:].abs().max() > 0.01
    assert torch.equal(seen.before[:2], flat[:2]) and torch.equal(seen.before[2:], flat[:-2])


@torch.inference_mode()
def test_every_level_is_told_of_its_own_sizes_what_was_found_in_the_end(model, moving_batch):
    """In the finest one's cells, the mean over its own."""
    seen = model.observe(moving_batch(1, 3)[0], batch=1)
    finest = model.config.strides[0]
    for k, block in enumerate(BLOCKS):
        told, found = seen.evidence[block][:, -2:] * finest, seen.displacement[block]
        assert told.abs().max() > 0.01 and (told - found).abs().max() > 0.01
        torch.testing.assert_close(told, model.motion[block].band(found), rtol=0, atol=1e-5)
        torch.testing.assert_close(found, F.avg_pool2d(seen.displacement["C1"], 2**k), rtol=0, atol=1e-5)


@torch.inference_mode()
def test_only_the_coarsest_memory_is_told_how_the_whole_picture_moves(model, moving_batch, monkeypatch):
    monkeypatch.setattr(motion_ladder, "refine", lambda flow, *_: torch.full_like(flow, 3.0))
    seen = model.observe(moving_batch(1, 3, 128, 128)[0], batch=1)
    for block in BLOCKS:
        told = seen.evidence[block][:, -2:]
        assert (told.abs().min() > 1) if block == "C4" else (told.abs().max() < 1e-5), block


@torch.inference_mode()
def test_a_wiped_state_still_knows_the_frame_before(model, moving_batch):
    frames = moving_batch(1, 3)
    state = model(frames[:, :2]).state
    seen, wiped = (model.observe(frames[:, 2], s, batch=1) for s in (state, state.wiped()))
    first = model.observe(frames[:, 2], batch=1)
    for block in BLOCKS:
        assert torch.equal(seen.evidence[block], wiped.evidence[block])
        assert not torch.equal(seen.evidence[block], first.evidence[block])
    assert torch.equal(wiped.before, frames[:, 1])
    plain, emptied, anew = (model(frames[:, 2:], s).frames for s in (state, state.wiped(), None))
    assert (plain - emptied).abs().max() > 1e-3 and (anew - emptied).abs().max() > 1e-3


@torch.inference_mode()
def test_a_still_picture_is_compared_with_itself_for_ever(model, moving_batch):
    still = moving_batch(1, 1).expand(-1, 4, -1, -1, -1)
    seen = model.observe(still[0], batch=1)
    for block in BLOCKS:
        assert not seen.evidence[block][:, : SHIFTS + 2].any() and not seen.displacement[block].any()
        assert not seen.evidence[block][:, -2:].any()


@torch.inference_mode()
def test_some_blocks_are_observed_as_all_are(model, moving_batch):
    frames = moving_batch(1, 3)[0]
    whole, some = model.observe(frames, batch=1), model.observe(frames, batch=1, blocks=("C2", "C4"))
    assert list(some.inputs) == ["C2", "C4"]
    for block in some.inputs:
        assert torch.equal(some.inputs[block], whole.inputs[block])
        assert torch.equal(some.evidence[block], whole.evidence[block])
    _, state, _ = model.remember(some, None, batch=1)
    _, every, _ = model.remember(whole, None, batch=1)
    assert list(state.memory) == ["C2", "C4"]
    assert all(torch.equal(state.memory[b][k], every.memory[b][k]) for b in state.memory for k in KERNELS)


@torch.inference_mode()
@pytest.mark.parametrize("part", ["evidence", "inputs"])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_memory_hears_both_the_features_and_the_match(model, moving_batch, block, part):
    frames = moving_batch(1, 3)[0]
    seen = model.observe(frames, batch=1)
    _, plain, _ = model.remember(seen, None, batch=1)
    getattr(seen, part)[block] = torch.zeros_like(getattr(seen, part)[block])
    _, deaf, _ = model.remember(seen, None, batch=1)
    for b, k in itertools.product(BLOCKS, KERNELS):
        assert torch.equal(plain.memory[b][k], deaf.memory[b][k]) == (b != block)


# --- sizes and precision ------------------------------------------------------------------------------------------


@torch.inference_mode()
def test_twice_the_size_it_was_built_for(make_ladder, moving_batch):
    model = make_ladder(design="motion", location=(True,) * 4)
    frames = moving_batch(1, 2, 64, 128)
    out = model.rollout(frames, 2)
    assert out.frames.shape == (1, 3, 3, 64, 128) and torch.isfinite(out.frames).all()
    assert [tuple(out.levels[b].shape[-2:]) for b in DOWN] == [(4, 8), (8, 16), (16, 32), (32, 64)]
    # The location bias is stretched over the map: without it, and with one that is the same everywhere, others come.
    plain = model(frames).frames
    for block in BLOCKS:
        location = model.laterals[block].skip.location
        kept = location.clone()
        location.copy_(location.mean((2, 3), keepdim=True).expand_as(location))
        assert (model(frames).frames - plain).abs().max() > 1e-4, block
        location.copy_(kept)


@torch.inference_mode()
@pytest.mark.parametrize("name", NAMES)
def test_a_still_scene_of_the_bundled_networks_stays_and_bf16_is_close_to_fp32(name, moving):
    fp32, bf16 = (load_predictor(name, device=torch.device("cpu"), dtype=d) for d in (torch.float32, torch.bfloat16))
    clip = moving(8, *fp32.size)
    a, b = fp32.run(clip, 5, 3), bf16.run(clip, 5, 3)
    assert np.abs(a.predictions - b.predictions).mean() < 0.005 and np.abs(a.flow - b.flow).mean() < 0.1
    assert np.abs(a.predictions - b.predictions).max() < 0.25
    assert a.levels.keys() == b.levels.keys() == set(BLOCKS)
    still = fp32.run(np.repeat(clip[:1], 5, axis=0), 5, 1)
    assert np.abs(still.predictions[0] - still.seen_frames[-1]).mean() < 0.02


@torch.inference_mode()
@pytest.mark.parametrize("shift", [(4, 0), (-8, 4), (0, -6), (16, 0), (0, 0)])
def test_how_far_a_photo_was_shifted_is_told_every_level_of_the_bundled_network(shift):
    """16 pixels are eight cells of C1: the finer levels find them around where the coarser ones did."""
    model = load_predictor("lvln", device=torch.device("cpu"), dtype=torch.float32).model
    dx, dy = shift
    photo = torch.from_numpy(np.array(video.read(CLIPS / "walk.mp4", fps=10, start=0.5, frames=1))).permute(0, 3, 1, 2)
    world = F.interpolate(photo.float() / 255, size=(192, 224), mode="bilinear", antialias=True)
    before, now = (world[..., 32 + y : 160 + y, 32 + x : 192 + x] for x, y in ((0, 0), (dx, dy)))
    seen = model.observe(torch.cat([before, now]), batch=1)
    for block, stride in zip(BLOCKS, model.config.strides):
        border = 32 // stride
        found = seen.displacement[block][1, :, border:-border, border:-border].flatten(1).median(1).values
        # The content was (dx, dy) further right and down before.
        assert (found - torch.tensor([dx, dy])).abs().max() < 0.5, (block, found.tolist())
