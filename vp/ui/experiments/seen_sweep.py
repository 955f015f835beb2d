"""The same frame predicted from fewer and fewer."""

from __future__ import annotations

from dataclasses import replace

import vp
from vp.limits import MAX_SEEN

from ..registry import Answer, Argument, Subject, experiment


@experiment(
    order=4,
    title="How many frames does it need?",
    about="The same frame, predicted after seeing only the last one, the last two, and so on.",
    button="Show it fewer",
    arguments=(Argument("most", 5, "frames seen at most, at the fine size to 11", 1, MAX_SEEN),),
    page=lambda request: {"most": request.window.seen},
)
def seen_sweep(on: Subject, most: int) -> Answer:
    """Predict the same frame after seeing only the last one before it, the last two, up to `most`.

    Returns:
        A JSON object with psnr and ssim (lists: entry k is for k + 1 frames seen), copy_psnr and copy_ssim.
    """
    sweep = on.inspect(vp.inspection.sweep_seen, replace(on.window, seen=most), most=most)
    return Answer({name: getattr(sweep, name) for name in ("psnr", "ssim", "copy_psnr", "copy_ssim")})
