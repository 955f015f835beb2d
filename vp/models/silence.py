"""Ablation at run time: parts of a ladder are silenced, that is made to say nothing, to see what they were for.

A part is named by a path, from coarse to fine:

    C2            a whole lateral block          C2.5x5        one of its ConvGRUs
    C2.skip       its convolution                C2.5x5.7      filter 7 of that ConvGRU
    C3.location   the location bias of its convolution (C3 and C4 in the paper)

A silenced filter is zero at every step, for the blocks after it and for its own recurrence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor

from .config import BLOCKS, KERNELS, LadderConfig

SKIP, LOCATION = "skip", "location"
PATH = re.compile(r"(?P<block>C\d)(?:\.(?P<part>skip|location|\dx\d)(?:\.(?P<filter>\d{1,4}))?)?")


class PartError(ValueError):
    """There is no such part in this network."""


@dataclass(frozen=True)
class Part:
    """One part of a ladder. part: "skip", "location", a kernel or None for the whole block; filter: None for all."""

    block: str
    part: str | None = None
    filter: int | None = None

    def __str__(self) -> str:
        return ".".join(str(piece) for piece in (self.block, self.part, self.filter) if piece is not None)

    @classmethod
    def parse(cls, path: str, config: LadderConfig) -> Part:
        """A path as above. Raises PartError, which says what there is, if the network has no such part."""
        match = PATH.fullmatch(str(path).strip())
        if match is None or match["block"] not in BLOCKS:
            raise PartError(
                f"{path!r} names no part of the network: say a block ({', '.join(BLOCKS)}), or for example C2.skip, "
                "C3.location, C2.5x5 or C2.5x5.7."
            )
        block, part = match["block"], match["part"]
        place = BLOCKS.index(block)
        if part not in (None, SKIP, LOCATION, *KERNELS):
            raise PartError(f"{block} has no ConvGRU {part}: there are {', '.join(KERNELS)}.")
        if part == LOCATION and not config.location[place]:
            there = ", ".join(b for b, has in zip(BLOCKS, config.location, strict=True) if has) or "no block"
            raise PartError(f"{block} has no location bias: {there} has.")
        if match["filter"] is None:
            return cls(block, part)
        width = config.gru_widths[place]
        if part not in KERNELS:
            raise PartError(f"Only filters of a ConvGRU are silenced one by one, not those of {block}.{part}.")
        if (number := int(match["filter"])) >= width:
            raise PartError(f"{block}.{part} has filters 0 to {width - 1}, not {number}.")
        return cls(block, part, number)


# What a lateral block keeps of each kernel, "skip" and "location", for each clip of a batch: [B, width, 1, 1], of the
# location [B, 1, 1, 1]; 1 keeps, 0 silences.
Mask = dict[str, Tensor]
Masks = dict[str, Mask]  # by block


def masks(parts: list[list[Part]], config: LadderConfig, like: Tensor) -> Masks:
    """Masks for a batch: clip b is run with all of parts[b] at once. Blocks that nobody touches are left out.

    like: a tensor whose device and type the masks take.
    """
    by_block: Masks = {}
    for b, several in enumerate(parts):
        for part in several:
            if part.block not in by_block:
                width = config.gru_widths[BLOCKS.index(part.block)]
                widths = dict.fromkeys((*KERNELS, SKIP), width) | {LOCATION: 1}
                by_block[part.block] = {name: like.new_ones(len(parts), n, 1, 1) for name, n in widths.items()}
            for name in (*KERNELS, SKIP) if part.part is None else (part.part,):
                by_block[part.block][name][b, slice(None) if part.filter is None else part.filter] = 0
    return by_block
