"""Training and scoring, as programs: `python -m train.fit_predictor`, `python -m train.evaluate`, ..."""

import io as _io
import sys as _sys

# What a console's code page lacks (±, or a file name in no known encoding) is escaped, instead of ending a program that
# has computed for an hour.
if isinstance(_sys.stdout, _io.TextIOWrapper) and _sys.stdout.errors == "strict":
    _sys.stdout.reconfigure(errors="backslashreplace")
