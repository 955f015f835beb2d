"""Scenes and renderer of the example clips in assets/clips; see __main__.py."""

NAMES = (
    "horse_trot",
    "toy_train",
    "jumping_jacks",
    "windmill",
    "walk",
    "wrecking_ball",
    "sailing_boat",
    "basketballs",
    "dominoes",
    "still_life",
    "flag",
    "moving_circle",
)
