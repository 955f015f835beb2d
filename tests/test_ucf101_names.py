"""vp.ucf101: what the name of a clip says."""

import pytest

from vp.ucf101 import read_name


def test_a_name_says_class_group_and_title():
    assert read_name("v_ApplyLipstick_g01_c02") == ("ApplyLipstick", 1, "Apply Lipstick g01 c02")
    assert read_name("V_yoyo_G25_C01") == ("yoyo", 25, "yoyo g25 c01")


@pytest.mark.parametrize("stem", ["", "walk", "v_YoYo_g1_c01", "v_YoYo_g01_c01.avi", "v__g01_c01_"])
def test_another_name_says_nothing(stem):
    assert read_name(stem) is None
