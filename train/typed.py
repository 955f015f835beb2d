"""Values from a text file as the fields of a dataclass, checked against its own type hints."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from math import isfinite
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")

# Numbers with a bound: in words, and whether a number keeps it.
Count = Annotated[int, "greater than or equal to 1", lambda number: number >= 1]
NotNegativeInt = Annotated[int, "greater than or equal to 0", lambda number: number >= 0]
NotNegative = Annotated[float, "greater than or equal to 0", lambda number: number >= 0]
Positive = Annotated[float, "greater than 0", lambda number: number > 0]
Share = Annotated[float, "from 0 to below 1", lambda number: 0 <= number < 1]


def build(kind: type[Kind], values: dict, name: str = "") -> Kind:
    """An instance of a dataclass whose fields hold numbers (finite), bools, texts, dicts, tuples, None or dataclasses.

    values: {field: value} as YAML or JSON give it. name: of the field that holds it, if any. Raises ValueError, in one
    line, for an unknown or missing field, or a value that a field cannot have.
    """
    start, prefix = (f"{name}: ", f"{name}.") if name else ("", "")
    hints = get_type_hints(kind, include_extras=True)
    if unknown := {str(key) for key in values} - set(hints):
        raise ValueError(f"{start}unknown fields {', '.join(sorted(unknown))}; there are {', '.join(hints)}")
    for field in fields(kind):
        if field.name not in values and field.default is field.default_factory is MISSING:
            raise ValueError(f"{start}{field.name} is missing")
    return kind(**{key: _value(hints[key], value, prefix + key) for key, value in values.items()})


def _value(hint: Any, value: object, name: str) -> object:
    """The value as its type hint wants it: a whole number as int, a list as a tuple."""
    bound, holds = "", lambda number: True
    if get_origin(hint) is Annotated:
        hint, bound, holds = get_args(hint)
    origin, of = get_origin(hint) or hint, get_args(hint)
    if origin in (Union, UnionType):
        return None if value is None else _value(of[0], value, name)
    if is_dataclass(origin) and isinstance(value, dict):
        return build(origin, value, name)
    if origin is dict and isinstance(value, dict):
        return {key: _value(of[1], item, f"{name}.{key}") for key, item in value.items()} if of else value
    if origin is tuple and isinstance(value, list):
        kinds = of[:1] * len(value) if of[-1] is Ellipsis else of
        if len(kinds) == len(value):
            return tuple(_value(k, item, f"{name}.{i}") for i, (k, item) in enumerate(zip(kinds, value, strict=True)))
    elif origin in (int, float):
        number = _number(value)
        if number is not None and (origin is float or number == int(number)) and holds(number):
            return origin(number)
    elif origin in (bool, str) and isinstance(value, origin):
        return value
    words = {bool: "true or false", str: "a text", int: "a whole number", float: "a number", dict: "names and values"}
    if origin is tuple:
        words[tuple] = "a list" if of[-1] is Ellipsis else f"a list of {len(of)}"
    wanted = words.get(origin, "fields (name: value)")
    raise ValueError(f"{name}: should be {wanted}{f', {bound}' if bound else ''}, not {value!r:.80}")


def _number(value: object) -> int | float | None:
    """A finite number, also one that YAML takes for a text (8e-4), else None."""
    try:
        number = float(value) if isinstance(value, str) else value
        return number if type(number) in (int, float) and isfinite(number) else None
    except (ValueError, OverflowError):
        return None
