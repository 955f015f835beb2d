"""Training and scoring. The modules here are programs (`python -m train.fit_predictor`, `python -m train.evaluate`, ..)
that read like a table of contents; what they do is in `data`, `predictor`, `classifier`, `evaluation`, `findings`."""

import io as _io
import sys as _sys

# What a console's code page lacks (±, or a file name in no known encoding) is escaped, instead of ending a program that
# has computed for an hour.
if isinstance(_sys.stdout, _io.TextIOWrapper) and _sys.stdout.errors == "strict":
    _sys.stdout.reconfigure(errors="backslashreplace")
