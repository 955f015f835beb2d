"""vp.models.silence: parts of the network that say nothing."""

import pytest
import torch

from vp.models import BLOCKS, KERNELS
from vp.models.config import DESIGNS
from vp.models.silence import Part, PartError, masks

EVERY_PART = ["C1", "C4", "C2.skip", "C3.location", "C1.3x3", "C4.7x7", "C3.5x5.3"]


@pytest.fixture(scope="module", params=DESIGNS)
def model(request, make_ladder):
    return make_ladder(design=request.param)


def run(model, frames, *paths, horizon=2):
    parts = [[Part.parse(path, model.config) for path in (several or [])] for several in paths]
    with torch.inference_mode():
        return model.rollout(frames, horizon, record=True, silence=masks(parts, model.config, frames))


@pytest.mark.parametrize("path", EVERY_PART)
def test_a_path_is_read_and_written(model, path):
    assert str(Part.parse(path, model.config)) == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "names no part"),
        ("C5", "C1, C2, C3, C4"),
        ("C1.9x9", "3x3, 5x5, 7x7"),
        ("C1.location", "C3, C4 has"),
        ("C1.3x3.2", "filters 0 to 1, not 2"),
        ("C2.skip.1", "Only filters of a ConvGRU"),
        ("C1.3x3.1; rm", "names no part"),
    ],
)
def test_a_part_that_does_not_exist_is_refused(model, path, message):
    with pytest.raises(PartError, match=message):
        Part.parse(path, model.config)


def test_silencing_nothing_changes_nothing(model, moving_batch):
    frames = moving_batch(2, 3, 32, 64)
    with torch.inference_mode():
        plain = model.rollout(frames, 2)
    assert torch.equal(run(model, frames, [], []).frames, plain.frames)


@pytest.mark.parametrize("path", EVERY_PART)
def test_each_part_matters_and_only_to_its_own_clip(model, moving_batch, path):
    frames = moving_batch(2, 3, 32, 64)
    plain, hurt = run(model, frames, [], []), run(model, frames, [path], [])
    assert (hurt.frames[0, -2:] - plain.frames[0, -2:]).abs().max() > 1e-5
    torch.testing.assert_close(hurt.frames[1], plain.frames[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_silent_convgru_stays_at_zero_and_its_neighbours_go_on(model, moving_batch, block, kernel):
    frames = moving_batch(1, 3, 32, 64)
    plain, hurt = run(model, frames, []), run(model, frames, [f"{block}.{kernel}"])
    assert not hurt.trace[block][kernel].h.any() and not hurt.state.memory[block][kernel].any()
    others = [(b, k) for b in BLOCKS for k in KERNELS if (b, k) != (block, kernel)]
    for b, k in others:  # while real frames come in, no ConvGRU hears another
        torch.testing.assert_close(hurt.trace[b][k].h[:, :3], plain.trace[b][k].h[:, :3], rtol=0, atol=1e-6)


def test_a_silent_filter_is_missing_from_its_own_recurrence(model, moving_batch):
    frames = moving_batch(1, 3, 32, 64)
    plain, hurt = run(model, frames, []).trace["C4"]["3x3"].h, run(model, frames, ["C4.3x3.2"]).trace["C4"]["3x3"].h
    assert not hurt[:, :, 2].any()
    rest = [0, 1, 3, 4]
    torch.testing.assert_close(hurt[:, 0, rest], plain[:, 0, rest], rtol=0, atol=1e-6)  # it had said nothing yet
    assert (hurt[:, 2, rest] - plain[:, 2, rest]).abs().max() > 1e-5


def test_a_filter_silenced_from_now_on_is_gone_from_its_past_too(model, moving_batch):
    frames = moving_batch(1, 3, 32, 64)
    silence = masks([[Part("C4", "3x3", 2)]], model.config, frames)
    with torch.inference_mode():
        state = model(frames[:, :2]).state
        assert state.memory["C4"]["3x3"][:, 2].abs().max() > 0.01
        hurt = model(frames[:, 2:], state, record=True, silence=silence)
        state.memory["C4"]["3x3"][:, 2] = 0
        want = model(frames[:, 2:], state, record=True, silence=silence)
    assert torch.equal(hurt.trace["C4"]["3x3"].z, want.trace["C4"]["3x3"].z)
    assert torch.equal(hurt.frames, want.frames)


def test_a_block_is_its_parts_together(model, moving_batch):
    frames = moving_batch(2, 3, 32, 64)
    frames[1] = frames[0]
    out = run(model, frames, ["C2"], ["C2.skip", *(f"C2.{kernel}" for kernel in KERNELS)])
    torch.testing.assert_close(out.frames[0], out.frames[1], rtol=0, atol=1e-6)
    # Cutting it off for good is what silence means: the decoder hears zeros from it.
    with torch.inference_mode():
        seen = model.observe(frames[0], batch=1)
        columns, _, _ = model.remember(seen, None, batch=1)
        columns["C2"] = torch.zeros_like(columns["C2"])
        want = model.decode(columns, seen).frames
    torch.testing.assert_close(out.frames[0, :3], want, rtol=0, atol=1e-5)


def test_without_its_location_bias_a_block_treats_all_places_alike(model):
    flat = torch.full((1, 1, 3, 32, 64), 0.4)
    lateral = model.laterals["C3"]
    x = torch.ones(1, lateral.skip.conv.in_channels, 4, 8)
    silence = masks([[Part("C3", "location")]], model.config, flat)["C3"]
    with torch.inference_mode():
        with_bias, without = (lateral.column(x, [], k) for k in (None, silence))
    assert with_bias.std((-2, -1)).max() > 1e-3 and without.std((-2, -1)).max() < 1e-5
