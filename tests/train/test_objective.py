"""The objective of train.predictor.losses: what is fed and what is supervised."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from train.predictor.losses import Objective, PredictionLoss, level_loss
from train.predictor.recipe import Recipe
from train.predictor.run import validate
from vp.models import BLOCKS, Ladder, LadderOutput, build
from vp.models.silence import Part, masks


class Recorder(nn.Module):
    """A "ladder" that predicts its input plus an offset and notes what it was shown. Its state counts frames."""

    rollout, feed_back = Ladder.rollout, Ladder.feed_back

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(0.0))
        self.shown, self.states = [], []

    def forward(self, frames, state=None, **_):
        self.shown.append(frames)
        self.states.append(state)
        return LadderOutput(frames + self.offset, (state or 0) + frames.shape[1])


@pytest.fixture
def clips() -> torch.Tensor:
    """Frame t of clip b has the value (t + 1) / 100 + b / 1000."""
    values = (torch.arange(6) + 1)[None] / 100 + torch.arange(2)[:, None] / 1000
    return values.view(2, 6, 1, 1, 1).expand(2, 6, 3, 16, 16).clone()


def objective(model, seen, feedback, **changes) -> Objective:
    """The mean error of what a model predicts."""
    recipe = Recipe("lvln", loss={"l1": 1}, levels=0, seen=seen, feedback=feedback)
    return Objective(model, replace(recipe, **changes))


def run(clips, seen, feedback, every_step=True):
    recorder = Recorder()
    loss, _ = objective(recorder, seen, feedback, every_step=every_step)(clips)
    return recorder, loss


def test_it_sees_real_frames_then_its_own_predictions_with_the_state_going_on(clips):
    recorder, _ = run(clips, 3, 2)
    assert torch.equal(recorder.shown[0], clips[:, :3])
    assert torch.equal(recorder.shown[1], clips[:, 2:3])  # what it predicted: the last frame it saw
    assert torch.equal(recorder.shown[2], clips[:, 2:3])
    assert recorder.states == [None, 3, 4]


def test_every_prediction_but_the_first_is_compared_with_the_frame_after_it(clips):
    # Copies are off by 0.01 for each frame that has gone by: seen frames 2 and 3, then 2 and 3 frames later.
    _, loss = run(clips, 3, 2)
    assert loss.item() == pytest.approx((0.01 + 0.01 + 0.02 + 0.03) / 4, rel=1e-4)
    _, loss = run(clips, 3, 2, every_step=False)
    assert loss.item() == pytest.approx((0.01 + 0.02 + 0.03) / 3, rel=1e-4)
    _, loss = run(clips[:, :2], 1, 0)
    assert loss.item() == pytest.approx(0.01, rel=1e-4)


def test_the_loss_is_told_how_far_ahead_each_prediction_is(clips, monkeypatch):
    told = []

    def criterion(self, prediction, truth, ahead):
        told.append(ahead)
        return (prediction - truth).abs().mean(), {}

    monkeypatch.setattr(PredictionLoss, "forward", criterion)
    run(clips, 3, 2)
    run(clips, 3, 2, every_step=False)
    assert [each.tolist() for each in told] == [[1, 1, 2, 3] * 2, [1, 2, 3] * 2]


def test_what_is_fed_back_is_clipped_and_carries_no_gradient(clips):
    recorder, loss = run(clips * 20 + 0.5, 3, 2)
    assert recorder.shown[1].max() == 1 and not recorder.shown[1].requires_grad
    loss.backward()
    assert recorder.offset.grad is not None


def test_the_state_carries_the_gradient_of_self_fed_steps(moving_batch, make_config):
    torch.manual_seed(0)
    model = build(make_config())
    clips = moving_batch(2, 5)
    objective(model, 3, 1, every_step=False)(clips)[0].backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if not name.startswith("encoder."))


def levels_of(flow: tuple[float, float], strides: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {
        block: torch.tensor(flow).view(1, 2, 1, 1).expand(1, 2, 32 // stride, 64 // stride)
        for block, stride in zip(BLOCKS, strides)
    }


@pytest.mark.parametrize("strides", [(2, 4, 8, 16), (1, 2, 4, 8)], ids=str)
def test_the_loss_of_the_levels_falls_when_the_flow_is_right(moving_batch, strides):
    big = torch.nn.functional.interpolate(moving_batch(1, 1, 32, 64)[:, 0], scale_factor=1)
    last, truth = big, big.roll(6, dims=3)  # everything moves six pixels to the right
    inner = {}
    for name, flow in {"right": (-6.0, 0.0), "still": (0.0, 0.0), "wrong": (6.0, 0.0)}.items():
        inner[name] = level_loss(levels_of(flow, strides), last, truth).item()
    assert inner["right"] < inner["still"] - 0.03 and inner["still"] < inner["wrong"]  # of 0.01 a decibel


def test_levels_count_with_their_weight_and_teach_every_memory(moving_batch, make_ladder):
    model = make_ladder(design="motion").train()
    clips = moving_batch(2, 4)
    plain, terms = objective(model, 2, 1)(clips)
    assert "levels" not in terms
    loss, terms = objective(model, 2, 1, levels=0.5)(clips)
    assert loss.item() == pytest.approx(plain.item() + 0.5 * terms["levels"].item(), rel=1e-4)
    loss.backward()
    for block in BLOCKS:
        assert model.laterals[block].grus["3x3"].input.weight.grad.abs().max() > 0


def test_a_network_that_paints_has_no_levels(moving_batch, make_ladder):
    _, terms = objective(make_ladder(), 2, 1, levels=0.5)(moving_batch(1, 4))
    assert set(terms) == {"l1"}


def test_what_is_silenced_is_silent_at_every_step_and_learns_nothing(make_ladder, moving_batch):
    model = make_ladder(design="motion").train()
    clips, parts = moving_batch(2, 6), [Part("C2")]
    loss, _ = objective(model, 3, 2, silence=("C2",))(clips)
    with torch.no_grad():
        masked = model.rollout(clips[:, :3], 3, silence=masks([parts] * 2, model.config, clips)).frames
    assert loss.item() == pytest.approx((masked[:, 1:] - clips[:, 2:]).abs().mean().item(), rel=1e-4)
    assert loss.item() != pytest.approx(objective(model, 3, 2)(clips)[0].item(), rel=1e-3)
    loss.backward()
    for name, parameter in model.named_parameters():
        if name.startswith(("laterals.C1.", "laterals.C2.")):
            assert bool(parameter.grad.any()) == name.startswith("laterals.C1."), name


def test_a_silenced_part_is_scored_without(make_ladder, moving_batch):
    model = make_ladder(design="motion")
    windows = (moving_batch(2, model.config.seen + 3) * 255).byte()
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as a run does
        assert validate(model, windows) != validate(model, windows, [Part("C1")])
