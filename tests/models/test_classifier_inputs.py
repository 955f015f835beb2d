"""vp.models.classifier_inputs: what the classifier reads of a clip."""

import pytest
import torch

from vp.models import BLOCKS, KERNELS, clip_features, feature_count, paper_features, preset, read_steps
from vp.models.classifier_inputs import (
    FLOW_MIRRORED,
    cue_maps,
    cues_of,
    cut,
    feature_cues,
    flow_maps,
    pool,
    speed,
    step_features,
)
from vp.states_along import states_along


@pytest.mark.parametrize(("strategy", "count"), [("c4", 15_360), ("subsample", 10_080), ("c4+subsample", 25_440)])
def test_feature_counts_are_the_papers(strategy, count):
    assert preset("lvln").size == (128, 160)
    assert feature_count(preset("lvln"), strategy) == count


@pytest.fixture(params=["paper", "motion"])
def steps(request, make_ladder, moving_batch):
    """A tiny network and what `states_along` yields of a clip, of two blocks."""
    model = make_ladder(design=request.param)
    return model, next(states_along(model, moving_batch(1, 4)[0], blocks=("C2", "C4")))


@torch.inference_mode()
def test_feature_count_is_the_length_of_the_features(steps):
    model, (seen, states, before) = steps
    features = read_steps(model, seen, states, before)
    assert clip_features(features).shape == (feature_count(model.config, "streams", ("C2", "C4")),)
    assert features.std() > 0.01 and not torch.equal(features[0], features[1])
    assert len(feature_cues(cues_of(model.config, ("C2", "C4")))) == len(clip_features(features))


@torch.inference_mode()
def test_every_cue_has_its_place_among_the_features(steps):
    """The maps of one cue changed, its numbers change and no others."""
    model, (seen, states, before) = steps
    cues, moving = cues_of(model.config, tuple(states)), speed(seen)
    said = cue_maps(model, seen, states, before)
    whole = step_features(said, moving)
    assert cues == list(said)
    of_cue = feature_cues(cues)[: whole.shape[1]]
    for i, cue in enumerate(cues):
        assert said[cue].shape[1] == cue.maps
        changed = (step_features(said | {cue: said[cue] + 1}, moving) != whole).any(0)
        assert torch.equal(changed, of_cue == i)


@torch.inference_mode()
def test_a_clip_and_its_mirror_image_are_told_alike():
    """What is pooled of maps is what is pooled of the mirrored ones, a flow's with its directions."""
    torch.manual_seed(0)
    flow, speed_ = torch.randn(2, 2, 9, 15), torch.rand(2, 1, 9, 15)
    mirrored = flow.flip(-1) * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    there, back = (pool(flow_maps(x), s, FLOW_MIRRORED) for x, s in ((flow, speed_), (mirrored, speed_.flip(-1))))
    torch.testing.assert_close(there, back, atol=1e-4, rtol=1e-4)
    upside_down = pool(flow_maps(flow.flip(-2)), speed_.flip(-2), FLOW_MIRRORED)
    assert (upside_down - there).abs().max() > 0.1  # above and below are not alike


def test_directions_and_places_of_a_flow():
    flow = torch.zeros(1, 2, 9, 9)
    flow[:, 0, :3, :3] = 4.0  # the upper left ninth goes right
    flow[:, 1, 6:, 3:6] = -4.0  # below, the middle one up
    maps = flow_maps(flow)
    told = pool(maps, None, FLOW_MIRRORED)[0, :8]
    right, left, up = told[0], told[4], told[6]
    torch.testing.assert_close(right[:6], torch.tensor([1.0, 0, 0, 0, 0, 0]), atol=0.02, rtol=0)
    assert left[:6].abs().max() < 0.02  # it goes left on the right side of the mirror image: that is the same
    torch.testing.assert_close(up[:6], torch.tensor([0, 0, 0, 0, 0, 2.0]), atol=0.02, rtol=0)
    # A camera that moves adds nothing: the median motion is taken out, and a slope does not see it.
    torch.testing.assert_close(flow_maps(flow + 3), maps, atol=1e-3, rtol=0)
    # Where it moves: the ninth of the frame that goes right counts as if it were half of it.
    over = pool(maps, (flow.abs().sum(1, keepdim=True) > 0).float(), FLOW_MIRRORED)[0, 0, -1]
    assert over > 3 * told[0, -1]


@torch.inference_mode()
def test_what_the_memories_move_is_what_the_finest_match_found_by_as_much_as_they_believe(make_ladder, moving_batch):
    model = make_ladder(design="motion")
    seen, states, before = next(states_along(model, moving_batch(1, 4)[0]))

    def moved(block: str, states: dict) -> torch.Tensor:
        return model.motion[block].moved(torch.cat(list(states[block].values()), dim=1), seen.displacement[block])

    nothing = {b: {k: torch.zeros_like(h) for k, h in memory.items()} for b, memory in states.items()}
    assert all(moved(block, nothing).abs().max() == 0 for block in BLOCKS)
    for block in model.motion:
        model.motion[block].step.weight.zero_()[0, 0, 1, 1] = 1.0  # believe as much as the first filter says
    told = seen.displacement["C1"]
    expected = states["C1"]["3x3"][:, :1] * told
    torch.testing.assert_close(moved("C1", states), expected, atol=1e-5, rtol=1e-4)
    said = {(cue.block, cue.name): maps for cue, maps in cue_maps(model, seen, states, before).items()}
    torch.testing.assert_close(said["C1", "moved"], flow_maps(expected), atol=1e-3, rtol=0)
    torch.testing.assert_close(said["C1", "matched"], flow_maps(told))


@pytest.fixture
def numbered() -> dict:
    """A state whose every number is its position in C1, ..., C4."""
    state, start = {}, 0
    for block, side in zip(BLOCKS, (16, 8, 4, 2), strict=True):
        state[block] = {}
        for kernel in KERNELS:
            numbers = torch.arange(start, start + 2 * side * side, dtype=torch.float64).view(1, 2, side, side)
            # In memory as the network leaves it; the features must not depend on that.
            state[block][kernel] = numbers.contiguous(memory_format=torch.channels_last)
            start += numbers.numel()
    return state


def test_c4_is_all_of_the_deepest_block_and_the_subsample_every_128th_of_the_others(numbered):
    before_c4 = 3 * 2 * (16**2 + 8**2 + 4**2)
    deepest = torch.arange(before_c4, before_c4 + 3 * 2 * 2**2).float()
    every_128th = torch.arange(0, before_c4, 128).float()
    assert torch.equal(paper_features("c4", numbered)[0], deepest)
    assert torch.equal(paper_features("subsample", numbered)[0], every_128th)
    assert torch.equal(paper_features("c4+subsample", numbered)[0], torch.cat([deepest, every_128th]))


def test_a_clip_is_the_mean_of_its_steps_and_how_far_its_parts_lie_apart():
    steps = torch.arange(24.0).view(12, 2) ** 2
    parts, lengths = cut(steps)
    assert lengths.tolist() == [2, 2] + [1] * 8 and torch.equal(parts[0], steps[:2].mean(0))
    mean, spread = clip_features(steps).split(2)
    torch.testing.assert_close(mean, steps.mean(0))
    torch.testing.assert_close(spread, parts.std(0, correction=0))


def test_a_clip_of_one_frame_has_a_gradient():
    step = torch.ones(1, 3, requires_grad=True)
    clip_features(step).sum().backward()
    assert step.grad.tolist() == [[1.0] * 3]  # the mean; nothing spreads
