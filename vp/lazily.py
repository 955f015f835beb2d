"""Packages whose names are imported when they are first used: PyTorch takes as long as the rest of a start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def imported_lazily(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of a package. modules: {module of it: the names that the package has from there};
    the module itself is had by its own name, so it may not be that of something in it.
    """
    home = {name: module for module, names in modules.items() for name in names}

    def __getattr__(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return __getattr__
