"""vp.models.designs: from a configuration to a network, and the network before training."""

import pytest
import torch

from vp.models import build, untrained
from vp.models.motion_ladder import MotionLadder
from vp.models.paper_ladder import PaperLadder

KEPT = ("encoder.", "standardise.", "matchers.")


@pytest.mark.parametrize(("design", "kind"), [("paper", PaperLadder), ("motion", MotionLadder)])
def test_the_design_says_which_network_is_built(make_config, design, kind):
    with torch.device("meta"):
        model = build(make_config(design=design))
    assert type(model) is kind and model.config == make_config(design=design)


@pytest.mark.parametrize("design", ["paper", "motion"])
def test_everything_but_the_encoder_and_what_was_set_from_it_is_fresh(make_ladder, design):
    model = make_ladder(design=design)
    fresh, again, other = untrained(model), untrained(model), untrained(model, seed=1)
    assert fresh.config == model.config and type(fresh) is type(model) and not fresh.training
    same, changed = [], []
    for name, value in model.state_dict().items():
        (same if torch.equal(value, fresh.state_dict()[name]) else changed).append(name)
        assert torch.equal(fresh.state_dict()[name], again.state_dict()[name])
    assert all(name in same for name in model.state_dict() if name.startswith(KEPT))
    assert any(name.startswith(("standardise.", "matchers.")) for name in same) == (design == "motion")
    assert all(name in changed for name in model.state_dict() if ".grus." in name and name.endswith("input.weight"))
    if design == "motion":
        assert not any(p.any() for p in fresh.motion.parameters()) and "blend.output.weight" in changed
    assert not torch.equal(fresh.laterals["C1"].skip.weight, other.laterals["C1"].skip.weight)


def test_making_one_leaves_the_random_numbers_of_others_alone(make_ladder):
    model = make_ladder()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    untrained(model)
    assert torch.equal(torch.rand(4), expected)
