"""vp.models.fresh: the network before training."""

import torch

from vp.models import untrained


def test_everything_but_the_encoder_and_its_standard_is_fresh(make_ladder):
    model = make_ladder(standardise=True)
    with torch.no_grad():
        for name, value in model.named_buffers():
            if ".standardise." in name:
                value.add_(0.5)
    fresh, again, other = untrained(model), untrained(model), untrained(model, seed=1)
    assert fresh.config == model.config and not fresh.training
    same, changed = [], []
    for name, value in model.state_dict().items():
        (same if torch.equal(value, fresh.state_dict()[name]) else changed).append(name)
        assert torch.equal(fresh.state_dict()[name], again.state_dict()[name])
    assert all(name in same for name in model.state_dict() if name.startswith("encoder.") or ".standardise." in name)
    assert any("standardise" in name for name in same)
    assert all(name in changed for name in model.state_dict() if ".grus." in name and name.endswith("input.weight"))
    assert not torch.equal(fresh.laterals["C1"].skip.weight, other.laterals["C1"].skip.weight)


def test_making_one_leaves_the_random_numbers_of_others_alone(make_ladder):
    model = make_ladder()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    untrained(model)
    assert torch.equal(torch.rand(4), expected)
