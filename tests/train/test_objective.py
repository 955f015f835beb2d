"""train.objective: what is fed and what is supervised."""

import pytest
import torch
from torch import nn

from train.losses import PredictionLoss
from train.objective import Objective
from vp.models import Ladder, LadderOutput


class Recorder(nn.Module):
    """A "ladder" that predicts its input plus an offset and notes what it was shown. Its state counts frames."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.tensor(0.0))
        self.shown, self.states = [], []

    def forward(self, frames, state=None, kept=None):
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


def test_what_is_fed_back_is_clipped_and_carries_no_gradient(clips):
    recorder, loss = run(clips * 20 + 0.5, 3, 2)
    assert recorder.shown[1].max() == 1 and not recorder.shown[1].requires_grad
    loss.backward()
    assert recorder.offset.grad is not None


def test_the_state_carries_the_gradient_of_self_fed_steps(moving_batch, make_config):
    torch.manual_seed(0)
    model = Ladder(make_config(head="residual", refine=4, norm="group"))
    nn.init.normal_(model.head.output.weight, std=0.1)
    clips = moving_batch(2, 5)
    Objective(model, PredictionLoss({"l1": 1}), every_step=False)(clips, 3, 1)[0].backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if not name.startswith("encoder."))


def test_a_clip_of_the_wrong_length_is_refused(clips):
    with pytest.raises(ValueError, match="need clips of 4 frames"):
        run(clips, 3, 0)
