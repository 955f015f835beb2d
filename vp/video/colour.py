"""High dynamic range and wide gamuts to what a BT.709 screen shows, the colours that the network knows."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

# Codes of ITU-T H.273, as FFmpeg uses them.
UNSPECIFIED = 2
BT2020, P3 = 9, 12  # primaries
BT709_MATRIX, BT601_MATRIX, BT2020_MATRIX = 1, 5, 9
PQ, HLG = 16, 18  # transfer characteristics (SMPTE ST 2084, ARIB STD-B67)

TO_BT709 = {  # linear light, both with a D65 white
    BT2020: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32),
    P3: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0196, -0.0786, 1.0979]], np.float32),
}
HD = 720  # lines
WHITE = 203  # cd/m² of a white sheet in HDR (ITU-R BT.2408)
PEAK = 1000 / WHITE  # brightest light that keeps a shade of its own
KNEE = 0.7  # light up to here stays as it is
SCREEN_GAMMA = 2.4  # ITU-R BT.1886
FINE = 4096  # steps of the table for a screen's gamma


class Tags(NamedTuple):
    """How to understand the numbers of a picture: codes of H.273."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED

    def or_else(self, other: Tags) -> Tags:
        """These, and those of another where these say nothing."""
        return Tags(*(b if a == UNSPECIFIED else a for a, b in zip(self, other, strict=True)))

    @property
    def is_wide(self) -> bool:
        """Whether pictures have to go through `to_bt709`."""
        return self.transfer in (PQ, HLG) or self.primaries in TO_BT709


def yuv_matrix(tags: Tags, lines: int) -> int:
    """The code of the matrix, guessed as browsers do where there is none, for pictures of so many lines."""
    if tags.matrix != UNSPECIFIED:
        return tags.matrix
    if tags.is_wide and tags.primaries != P3:
        return BT2020_MATRIX
    return BT709_MATRIX if lines >= HD else BT601_MATRIX


def to_bt709(image: np.ndarray, tags: Tags) -> np.ndarray:
    """uint16 [H, W, 3], RGB in 0..65535 with these tags, to uint8 [H, W, 3] for a BT.709 screen.

    HDR is tone-mapped by FFmpeg's `mobius` curve on the strongest channel, which keeps hues: what a sheet of paper
    reflects stays as it was, and only lights are compressed.
    """
    hdr = tags.transfer in (PQ, HLG)
    primaries = BT2020 if hdr and tags.primaries == UNSPECIFIED else tags.primaries
    light = _light(tags.transfer)[image]
    if tags.transfer == HLG:  # the scene's light to the screen's, for one of 1000 cd/m²
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= PEAK * luminance[..., None] ** 0.2
    if primaries in TO_BT709:
        light = np.maximum(light @ TO_BT709[primaries].T, 0)
    if hdr:
        strongest = np.maximum(light.max(-1, keepdims=True), KNEE)
        light *= _mobius(np.minimum(strongest, PEAK)) / strongest
    return _screen()[np.rint(np.minimum(light, 1) ** 0.5 * (FINE - 1)).astype(np.uint16)]


def _mobius(light: np.ndarray) -> np.ndarray:
    """KNEE..PEAK to KNEE..1, smooth at the knee."""
    a = -(KNEE**2) * (PEAK - 1) / (KNEE**2 - 2 * KNEE + PEAK)
    b = (KNEE**2 - 2 * KNEE * PEAK + PEAK) / (PEAK - 1)
    return (b**2 + 2 * b * KNEE + KNEE**2) / (b - a) * (light + a) / (light + b)


@lru_cache(maxsize=4)
def _light(transfer: int) -> np.ndarray:
    """float32 [65536]: linear light of each code, 1 being a sheet of paper (HLG: the scene's, 0..1)."""
    code = np.linspace(0, 1, 65536)
    if transfer == PQ:
        root = code ** (32 / 2523)
        light = (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305) * 10_000 / WHITE
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = code**SCREEN_GAMMA
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _screen() -> np.ndarray:
    """uint8 [FINE]: the code whose light is (index / (FINE - 1))²; the square spends the steps on the dark."""
    return np.rint(255 * np.linspace(0, 1, FINE) ** (2 / SCREEN_GAMMA)).astype(np.uint8)
