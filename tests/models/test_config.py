"""vp.models.config and vp.models.presets."""

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from vp.models import ALL_NAMES, BLOCKS, NAMES, TITLES, ConfigError, LadderConfig, preset


def test_the_presets_are_the_papers_networks():
    lvln, one_frame, full_res = (preset(name) for name in NAMES)
    assert (lvln.size, lvln.seen) == ((128, 160), 3)
    assert (one_frame.size, one_frame.seen) == ((64, 96), 5)
    assert (full_res.size, full_res.seen) == ((64, 96), 5)
    assert lvln.gru_widths == one_frame.gru_widths == (64, 64, 64, 64)
    assert full_res.gru_widths == (16, 32, 64, 64)
    assert [c.full_resolution for c in (lvln, one_frame, full_res)] == [False, False, True]
    for config in (lvln, one_frame, full_res):
        assert (config.head, config.norm, config.activation, config.refine) == ("rgb", "batch", "relu", 0)
        assert config.location == (False, False, True, True)
        assert (config.decoder_width, config.lateral_width) == (1024, 64)
    assert set(TITLES) == set(ALL_NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_compact_changes_widths_only(name):
    paper, compact = preset(name), preset(name, "compact")
    changed = {f.name for f in fields(paper) if getattr(paper, f.name) != getattr(compact, f.name)}
    assert changed == {"gru_widths", "decoder_width"}
    assert all(c <= p for c, p in zip(compact.gru_widths, paper.gru_widths, strict=True))


def test_changes_of_a_preset_win():
    config = preset("lvln", "compact", head="warp", decoder_width=64)
    assert (config.head, config.decoder_width, config.size) == ("warp", 64, (128, 160))


@pytest.mark.parametrize(("name", "width"), [("resnet", "paper"), ("lvln", "wide")])
def test_an_unknown_preset_says_which_there_are(name, width):
    with pytest.raises(KeyError, match="there are"):
        preset(name, width)


@pytest.mark.parametrize(
    ("full", "sizes"),
    [(False, [(32, 48), (16, 24), (8, 12), (4, 6)]), (True, [(64, 96), (32, 48), (16, 24), (8, 12)])],
)
def test_map_sizes(make_config, full, sizes):
    config = make_config(height=64, width=96, full_resolution=full)
    assert [config.map_size(block) for block in BLOCKS] == sizes


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_survives_json(name):
    config = preset(name, "compact", head="warp", refine=8, norm="group")
    assert LadderConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "change",
    [
        {"height": 100},
        {"height": 0},
        {"width": 2048},
        {"width": 96.0},
        {"width": True},
        {"seen": 0},
        {"seen": "3"},
        {"gru_widths": (1, 2, 3)},
        {"gru_widths": (1, 2, 3, 0)},
        {"gru_widths": (1, 2, 3, 4.0)},
        {"gru_widths": (1, 2, 3, 10**9)},
        {"gru_widths": 64},
        {"decoder_width": 40},
        {"lateral_width": 0},
        {"refine": -1},
        {"location": (0, 0, 1, 1)},
        {"location": (True, True)},
        {"full_resolution": 1},
        {"head": "flow"},
        {"head": ["rgb"]},
        {"upsampling": "bicubic"},
        {"norm": None},
        {"activation": "gelu"},
        {"standardise": 1},
    ],
    ids=str,
)
def test_a_bad_value_is_refused_by_name(tiny_config, change):
    (name,) = change
    with pytest.raises(ConfigError, match=name):
        LadderConfig.from_dict({**tiny_config.to_dict(), **change})


def test_missing_and_unknown_fields_are_refused(tiny_config):
    values = tiny_config.to_dict()
    with pytest.raises(ConfigError, match=r"unknown.*depth"):
        LadderConfig.from_dict({**values, "depth": 3})
    del values["head"]
    with pytest.raises(ConfigError, match=r"missing.*head"):
        LadderConfig.from_dict(values)
    with pytest.raises(ConfigError, match="JSON object"):
        LadderConfig.from_dict(["rgb"])


def test_a_configuration_cannot_be_changed_later(tiny_config):
    with pytest.raises(FrozenInstanceError):
        tiny_config.head = "warp"
