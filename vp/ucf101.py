"""UCF101 (Soomro et al. 2012): what the name of a clip says, and which clips are for the test."""

import re

# v_YoYo_g01_c02: class, group (all clips of one were cut from one video) and number.
NAME = re.compile(r"v_(?P<label>.+)_g(?P<group>\d\d)_c(?P<clip>\d\d)", re.IGNORECASE)
# The groups that each split keeps for the test. The networks were trained on the others of split 1.
TEST_GROUPS = {1: range(1, 8), 2: range(8, 15), 3: range(15, 22)}
