"""Decode clips once, for everything that trains or scores on them.

    python -m train.cache --data DIR --cache DIR
    python -m train.cache --data hf://datasets/OWNER/NAME@REVISION --cache DIR

Killed, it goes on where it was. What lies in the folder is described in `train.data.frame_cache`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import add_data, at_least_one, errors_in_one_line
from .data.clip_files import find_data
from .data.frame_cache import build
from .data.splits import select


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser)
    parser.add_argument("--cache", type=Path, required=True, help="folder to fill")
    parser.add_argument("--part", default=None, help="train, validation, train+validation or test; default all")
    parser.add_argument("--workers", type=at_least_one, default=None, help="default: one for each core")
    args = parser.parse_args()
    clips, hub = find_data(args.data)
    build(select(clips, args.part) if args.part else clips, args.cache, args.workers, hub)


if __name__ == "__main__":
    main()
