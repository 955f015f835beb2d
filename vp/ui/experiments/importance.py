"""What each memory is worth: each silenced in turn."""

from __future__ import annotations

from dataclasses import asdict

import vp

from ..registry import Answer, Subject, experiment


@experiment(
    order=2,
    title="Which memory matters most here?",
    about="Each of the twelve ConvGRUs is silenced in turn, and each block's three together, for the first "
    "predicted frame of this clip. Where one alone costs little but its block much, the others stand in for "
    "it.",
    button="Silence each in turn",
    window=("seen",),
)
def importance(on: Subject) -> Answer:
    """Rank the twelve ConvGRUs, and the four blocks of three, by how much worse the first predicted frame gets when
    each is silenced.

    Returns:
        A JSON list, the most important first: part (such as "C1.3x3", or "C1" for all three of a block), lost (dB of
        PSNR, null where the clip ends) and change (root mean square difference to the untouched prediction, of 255).
    """
    return Answer([asdict(part) for part in on.inspect(vp.inspection.rank_convgrus, seen=on.window.seen)])
