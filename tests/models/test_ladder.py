"""vp.models.ladder: the whole network."""

import collections
import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from vp.models import BLOCKS, KERNELS, Ladder, State, build, preset, trained_parameters
from vp.models.config import DESIGNS, UPSAMPLING
from vp.models.ladder import fed_back


def step(model: Ladder, frame: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
    """One frame [B, 3, H, W] in [0, 1] -> (the next frame, not clipped; the state after it)."""
    out = model(frame.unsqueeze(1), state)
    return out.frames[:, 0], out.state


def worst(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return (a - b).abs().max().item()


def worst_state(a: State, b: State) -> float:
    """Largest difference of anything that two states hold."""
    assert (a.frame is None) == (b.frame is None) and a.keys.keys() == b.keys.keys()
    pairs = [(a.memory[block][kernel], b.memory[block][kernel]) for block in BLOCKS for kernel in KERNELS]
    pairs += [(a.keys[block], b.keys[block]) for block in a.keys]
    return max(worst(x, y) for x, y in pairs + ([] if a.frame is None else [(a.frame, b.frame)]))


@pytest.mark.parametrize(("name", "millions"), [("lvln", 26.4), ("one_frame", 26.4), ("full_res", 19.1)])
def test_trained_parameters_are_the_papers_to_one_percent(name, millions):
    with torch.device("meta"):
        paper, motion = build(preset(name)), build(preset(name, "motion"))
    assert trained_parameters(paper) == pytest.approx(millions * 1e6, rel=0.01)
    assert sum(p.numel() for p in paper.encoder.parameters()) == pytest.approx(11.2e6, rel=0.01)
    assert trained_parameters(motion) < trained_parameters(paper) / 2
    motion.encoder.requires_grad_(False)
    assert trained_parameters(motion) == sum(p.numel() for p in motion.parameters() if p.requires_grad)


@torch.inference_mode()
@settings(max_examples=20)
@given(
    design=st.sampled_from(DESIGNS),
    upsampling=st.sampled_from(UPSAMPLING),
    full_resolution=st.booleans(),
    batch=st.integers(1, 3),
    steps=st.integers(1, 5),
    size=st.sampled_from([(32, 32), (32, 64), (64, 32)]),
)
def test_one_call_gives_the_numbers_of_stepping(make_ladder, moving_batch, batch, steps, size, **style):
    model = make_ladder(height=size[0], width=size[1], **style)
    frames = moving_batch(batch, steps, *size)
    together = model(frames)
    state, stepped = None, []
    for t in range(steps):
        frame, state = step(model, frames[:, t], state)
        stepped.append(frame)
    assert worst(together.frames, torch.stack(stepped, dim=1)) < 1e-4
    assert worst_state(together.state, state) < 1e-4
    for name in together.levels:
        assert together.levels[name].shape[:2] == (batch, steps)
    for t in range(1, steps):  # the state matters: without it the numbers are others
        assert worst(step(model, frames[:, t])[0], stepped[t]) > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_state_goes_on_where_it_stopped(make_ladder, moving_batch, split, design):
    model, frames = make_ladder(design=design), moving_batch(2, 4)
    whole = model(frames)
    first = model(frames[:, :split])
    second = model(frames[:, split:], first.state)
    assert worst(whole.frames, torch.cat([first.frames, second.frames], dim=1)) < 1e-4
    assert worst_state(whole.state, second.state) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
def test_the_network_keeps_nothing_between_calls_and_leaves_the_state_it_was_given(make_ladder, moving_batch, design):
    model, frames = make_ladder(design=design), moving_batch(1, 3)
    state = model(frames).state
    before = copy.deepcopy(state)
    once = model(frames, state)
    again = model(frames, state)
    assert torch.equal(once.frames, again.frames)
    assert worst_state(state, before) == 0 and worst_state(once.state, state) > 0.01


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
def test_a_wiped_state_has_lost_its_memories_and_nothing_else(make_ladder, moving_batch, design):
    model, frames = make_ladder(design=design), moving_batch(2, 3)
    state = model(frames).state
    before, wiped = copy.deepcopy(state), state.wiped()
    assert worst_state(state, before) == 0
    for block in BLOCKS:
        for kernel in KERNELS:
            assert wiped.memory[block][kernel].shape == state.memory[block][kernel].shape
            assert not wiped.memory[block][kernel].any() and state.memory[block][kernel].any()
    assert wiped.frame is state.frame and wiped.keys == state.keys
    assert (wiped.frame is None, set(wiped.keys)) == ((True, set()) if design == "paper" else (False, set(BLOCKS)))


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
def test_clips_of_a_batch_do_not_see_each_other(make_ladder, moving_batch, design):
    model, frames = make_ladder(design=design), moving_batch(3, 2)
    together = model(frames, record=True)
    for i in range(3):
        alone = model(frames[i : i + 1], record=True)
        assert worst(together.frames[i : i + 1], alone.frames) < 1e-4
        assert worst(together.trace["C2"]["5x5"].z[i : i + 1], alone.trace["C2"]["5x5"].z) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("full_resolution", [False, True])
def test_recording_changes_no_number_and_keeps_all_twelve(make_ladder, moving_batch, full_resolution, design):
    model, frames = make_ladder(full_resolution=full_resolution, design=design), moving_batch(2, 3)
    plain, recorded = model(frames), model(frames, record=True)
    assert plain.trace is None
    assert torch.equal(plain.frames, recorded.frames) and worst_state(plain.state, recorded.state) == 0
    for (block, width), kernel in itertools.product(zip(BLOCKS, model.config.gru_widths, strict=True), KERNELS):
        gates = recorded.trace[block][kernel]
        shape = (2, 3, width, *model.config.map_size(block))
        assert all(quantity.shape == shape for quantity in gates)
        assert torch.equal(gates.h[:, -1], recorded.state.memory[block][kernel])
        before = torch.cat([torch.zeros_like(gates.h[:, :1]), gates.h[:, :-1]], dim=1)
        torch.testing.assert_close(gates.h, (1 - gates.z) * before + gates.z * gates.n, rtol=0, atol=1e-5)
        assert all(quantity.std() > 0.01 for quantity in gates)


class Count(TorchDispatchMode):
    """Counts the operations that run."""

    def __init__(self) -> None:
        super().__init__()
        self.ran = collections.Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.ran[str(func)] += 1
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
def test_recording_computes_nothing_more_it_only_keeps(make_ladder, moving_batch, design):
    model, frames = make_ladder(design=design), moving_batch(1, 3)
    ran = []
    for record in (False, True):
        with Count() as count:
            model(frames, record=record)
        ran.append(count.ran)
    # Both gates of each of the twelve at every step, and the mask of all steps at once.
    assert ran[0]["aten.sigmoid.default"] == 3 * 12 + (design == "motion")
    assert not ran[0] - ran[1]
    more = ran[1] - ran[0]  # h, z, r and n of each of the twelve, stacked over time
    assert more == {"aten.stack.default": 12 * 4}


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(("seen", "horizon"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_the_output_after_the_last_seen_frame_is_the_first_prediction(make_ladder, moving_batch, design, seen, horizon):
    model, frames = make_ladder(design=design), moving_batch(2, seen)
    out = model.rollout(frames, horizon, record=True)
    last, origin, steps = None, None, []
    for t in range(seen + horizon - 1):
        if t < seen:
            frame = frames[:, t : t + 1]
        else:  # predictions are fed back clipped, but returned as they are
            frame, origin = last.frames.clamp(0, 1), fed_back(last, origin)
        last = model(frame, last and last.state, origin=origin)
        steps.append(last.frames[:, 0])
    state = last.state
    assert worst(out.frames, torch.stack(steps, dim=1)) < 1e-4
    assert worst_state(out.state, state) < 1e-4
    assert out.trace["C4"]["7x7"].z.shape[1] == seen + horizon - 1
    assert worst(out.trace["C1"]["3x3"].h[:, -1], state.memory["C1"]["3x3"]) < 1e-4
    assert (out.flow is None) == (out.mask is None) == (not out.levels) == (design == "paper")
    if design == "motion":
        assert out.flow.shape == (2, seen + horizon - 1, 2, 32, 64)
        assert out.mask.shape == (2, seen + horizon - 1, 1, 32, 64)
        assert list(out.levels) == list(reversed(BLOCKS))
        for block, flow in out.levels.items():
            assert flow.shape == (2, seen + horizon - 1, 2, *model.config.map_size(block))


@torch.inference_mode()
def test_predictions_are_clipped_before_they_are_fed_back(make_ladder, moving_batch):
    model, frames = make_ladder(), moving_batch(1, 2)
    model.head.output.bias.fill_(20.0)  # far above white
    out = model.rollout(frames, 2)
    white, _ = step(model, torch.ones(1, 3, 32, 64), model(frames).state)
    assert out.frames[:, 1].min() > 1
    assert worst(out.frames[:, 2], white) < 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("design", DESIGNS)
def test_other_sizes_than_the_configured_one_work(make_ladder, moving_batch, design):
    model = make_ladder(design=design, location=(True, True, True, True))
    out = model(moving_batch(1, 2, 64, 96), record=True)
    assert out.frames.shape == (1, 2, 3, 64, 96)
    assert out.state.memory["C1"]["3x3"].shape == (1, 2, 32, 48)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("full_resolution", [False, True])
def test_every_trained_parameter_gets_a_gradient_and_nothing_else(make_ladder, moving_batch, full_resolution, design):
    model = make_ladder(design=design, full_resolution=full_resolution, location=(True,) * 4).train()
    model.encoder.requires_grad_(False)
    model(moving_batch(2, 3)).frames.square().mean().backward()
    fixed = {name: p for name, p in model.named_parameters() if name.startswith(("encoder.", "matchers."))}
    trained = {name: p for name, p in model.named_parameters() if name not in fixed}
    assert not [name for name, p in trained.items() if p.grad is None or not p.grad.any()]
    assert all(p.grad is None and not p.requires_grad for p in fixed.values())


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 3, 32, 64), r"\[B, T"), ((1, 2, 1, 32, 64), r"\[B, T"), ((1, 0, 3, 32, 64), "frame"),
     ((1, 2, 3, 33, 64), "32"), ((1, 2, 3, 32, 48), "32")],
)  # fmt: skip
def test_frames_of_another_shape_are_refused(make_ladder, shape, message):
    with pytest.raises(ValueError, match=message):
        make_ladder()(torch.zeros(shape))


@pytest.mark.parametrize("horizon", [0, -1])
def test_a_rollout_predicts_at_least_one_frame(make_ladder, moving_batch, horizon):
    with pytest.raises(ValueError, match="at least 1"):
        make_ladder().rollout(moving_batch(1, 1), horizon)
