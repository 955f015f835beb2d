"""train.predictor.objective: what is fed and what is supervised."""

import pytest
import torch
from torch import nn

from train.predictor.losses import PredictionLoss, level_loss
from train.predictor.objective import Objective
from vp.models import BLOCKS, LadderOutput, build


class Recorder(nn.Module):
    """A "ladder" that predicts its input plus an offset and notes what it was shown. Its state counts frames."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(0.0))
        self.shown, self.states = [], []

    def forward(self, frames, state=None, silence=None):
        self.shown.append(frames)
        self.states.append(state)
        return LadderOutput(frames + self.offset, (state or 0) + frames.shape[1])


@pytest.fixture
def clips() -> torch.Tensor:
    """Frame t of clip b has the value (t + 1) / 100 + b / 1000."""
    values = (torch.arange(6) + 1)[None] / 100 + torch.arange(2)[:, None] / 1000
    return values.view(2, 6, 1, 1, 1).expand(2, 6, 3, 16, 16).clone()


def run(clips, seen, feedback, every_step=True):
    recorder = Recorder()
    loss, _ = Objective(recorder, PredictionLoss({"l1": 1}), every_step=every_step)(clips, seen, feedback)
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


def test_the_loss_is_told_how_far_ahead_each_prediction_is(clips):
    told = []

    def criterion(prediction, truth, ahead):
        told.append(ahead)
        return (prediction - truth).abs().mean(), {}

    Objective(Recorder(), criterion)(clips, 3, 2)
    Objective(Recorder(), criterion, every_step=False)(clips, 3, 2)
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
    Objective(model, PredictionLoss({"l1": 1}), every_step=False)(clips, 3, 1)[0].backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if not name.startswith("encoder."))


def test_a_clip_of_the_wrong_length_is_refused(clips):
    with pytest.raises(ValueError, match="need clips of 4 frames"):
        run(clips, 3, 0)


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
    clips, objective = moving_batch(2, 4), Objective(model, PredictionLoss({"l1": 1}))
    plain, terms = objective(clips, 2, 1)
    assert "levels" not in terms
    loss, terms = objective(clips, 2, 1, 0.5)
    assert loss.item() == pytest.approx(plain.item() + 0.5 * terms["levels"].item(), rel=1e-4)
    loss.backward()
    for block in BLOCKS:
        assert model.laterals[block].grus["3x3"].input.weight.grad.abs().max() > 0


def test_a_network_that_paints_has_no_levels(moving_batch, make_ladder):
    _, terms = Objective(make_ladder(), PredictionLoss({"l1": 1}))(moving_batch(1, 4), 2, 1, 0.5)
    assert set(terms) == {"l1"}
