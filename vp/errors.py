"""Errors whose message is written for the person at the page.

Everything that a user can cause (a broken file, an unknown model, a missing checkpoint) raises one of
these. The message says what is wrong and what to do about it; the page and the API show it as it is.
"""


class ExplorerError(Exception):
    """Base class: the message is safe to show and says what to do next."""


class VideoError(ExplorerError):
    """A video cannot be read, or lies outside the limits in `vp.limits`."""


class ClipError(ExplorerError):
    """A clip source or a clip in it cannot be found or opened."""


class CheckpointError(ExplorerError):
    """A checkpoint is missing, damaged, of another format, or does not fit its network."""


class RequestError(ExplorerError):
    """The settings of a prediction are out of range for the clip or the model."""
