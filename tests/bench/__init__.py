"""How fast, and where the time goes: `python -m tests.bench`."""
