"""A moving circle, the paper's simplest test of a ladder (section 4, Fig. 4), of any direction, speed, size and colour.

A circle has an id like a clip: `circle:ANGLE,SPEED,RADIUS,COLOUR`, for example `circle:0,9,14,ffffff`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .errors import ClipError

PREFIX = "circle:"
HEIGHT, WIDTH, FPS, FRAMES = 240, 320, 10, 40
BACKGROUND = (13, 15, 19)
SUBSAMPLES = 4
SPEEDS, RADII = (0.0, 40.0), (4.0, 90.0)
_ID = re.compile(rf"{PREFIX}(-?\d{{1,3}}(?:\.\d+)?),(\d{{1,2}}(?:\.\d+)?),(\d{{1,2}}(?:\.\d+)?),([0-9a-fA-F]{{6}})")


@dataclass(frozen=True)
class Circle:
    """angle: degrees, 0 moves right and 90 down. speed: pixels a frame at 10 fps, of 320 across. radius: pixels."""

    angle: float
    speed: float
    radius: float
    colour: tuple[int, int, int] = (255, 255, 255)

    @classmethod
    def parse(cls, id: str) -> Circle:
        """From an id. Raises ClipError for one that is none, or whose numbers are out of range."""
        match = _ID.fullmatch(id)
        if match is None:
            raise ClipError(f"{id[:60]!r} is no moving circle: an id looks like circle:0,9,14,ffffff.")
        angle, speed, radius = (float(match[k]) for k in (1, 2, 3))
        if not SPEEDS[0] <= speed <= SPEEDS[1] or not RADII[0] <= radius <= RADII[1]:
            raise ClipError(
                f"The circle's speed must be from {SPEEDS[0]:g} to {SPEEDS[1]:g} and its radius from {RADII[0]:g} to "
                f"{RADII[1]:g} pixels."
            )
        return cls(angle, speed, radius, tuple(bytes.fromhex(match[4])))

    def path(self, count: int = FRAMES) -> np.ndarray:
        """Where its middle is in each frame, [count, 2]: x and y in pixels from the upper left corner."""
        direction = np.deg2rad(self.angle)
        travelled = np.arange(count)[:, None] * self.speed * np.array([np.cos(direction), np.sin(direction)])
        middle, room = np.array([WIDTH, HEIGHT]), np.full(2, self.radius)
        return _bounce(middle / 2 + travelled, room, middle - room)

    def frames(self, count: int = FRAMES) -> np.ndarray:
        """uint8 [count, 240, 320, 3]: it starts in the middle, and bounces off the borders."""
        x, y = self.path(count).T
        clip = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
        colour, background = np.array(self.colour, float), np.array(BACKGROUND, float)
        for t in range(count):
            share = disc(HEIGHT, WIDTH, y[t], x[t], self.radius)[..., None]
            clip[t] = np.round(background + share * (colour - background)).astype(np.uint8)
        return clip


def disc(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    """How much of each pixel a disc covers, [height, width] in [0, 1]. y, x: its centre, in pixels from the corner."""
    rows, columns = ((np.arange(side * SUBSAMPLES) + 0.5) / SUBSAMPLES for side in (height, width))
    inside = np.hypot(rows[:, None] - y, columns[None] - x) <= radius
    return inside.reshape(height, SUBSAMPLES, width, SUBSAMPLES).mean((1, 3))


def _bounce(place: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Fold a straight path between two walls."""
    room = np.maximum(high - low, 1e-9)
    return low + room - np.abs((place - low) % (2 * room) - room)
