"""Signatures of what a ``_target_`` names: the keys that it takes, and the values, by their annotations."""

import inspect
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from numbers import Number
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}
NODE = "a mapping with a _target_"
"""What a class is called to who has given something else."""

_PAIR = 2  # parts of the type of a mapping


def find_target(path: str) -> Any:
    """The object that a ``_target_`` names; what importing it raises comes through, and is not logged as well."""
    log = logging.getLogger("hydra.utils")
    before, log.disabled = log.disabled, True
    try:
        return get_object(path)
    finally:
        log.disabled = before


@dataclass(frozen=True)
class Signature:
    """What a callable shows of its parameters.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        By name, with annotations that are resolved where they can be.
    is_closed : bool
        Whether it takes no others. One that passes keywords on to what cannot be told, or that wraps another, may.
    """

    parameters: Mapping[str, inspect.Parameter]
    is_closed: bool


def signature_of(target: Any) -> Signature:
    """Parameters of a callable, those of the base classes that ``**kwargs`` goes to as well.

    >>> class Base:
    ...     def __init__(self, width: int): ...
    >>> class Net(Base):
    ...     def __init__(self, depth, **rest): ...
    >>> found = signature_of(Net)
    >>> list(found.parameters), found.is_closed, found.parameters["width"].annotation
    (['depth', 'width'], True, <class 'int'>)
    """
    if inspect.isclass(target) and target.__init__ is object.__init__ and target.__new__ is object.__new__:
        return Signature({}, is_closed=True)  # whatever the signature of object.__init__ says
    found: dict[str, inspect.Parameter] = {}
    for function in map(_without_context, _callables(target)):
        own, shown = _parameters(function, follow=False), _parameters(function, follow=True)
        if own is None or shown is None:  # written in C
            return Signature(found, is_closed=False)
        for name, parameter in {**own, **shown}.items():
            if name != "self" and parameter.kind in (
                parameter.POSITIONAL_OR_KEYWORD,
                parameter.KEYWORD_ONLY,
            ):
                found.setdefault(name, parameter)
        if not any(p.kind is p.VAR_KEYWORD for p in own.values()):
            return Signature(found, is_closed=True)
        if hasattr(function, "__wrapped__"):  # what becomes of the keywords is in its code alone
            return Signature(found, is_closed=False)
    return Signature(found, is_closed=False)


def _callables(target: Any) -> list[Any]:
    if inspect.isclass(target):
        return [vars(cls)["__init__"] for cls in target.__mro__ if "__init__" in vars(cls)]
    return [target]


def _without_context(function: Any) -> Any:
    """What a wrapper of nothing but ``*args, **kwargs`` wraps, to which it passes them on: torch.no_grad's, say."""
    while hasattr(function, "__wrapped__"):
        kinds = [p.kind for p in (_parameters(function, follow=False) or {}).values()]
        if kinds != [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]:
            break
        function = function.__wrapped__
    return function


def _parameters(function: Any, *, follow: bool) -> dict[str, inspect.Parameter] | None:
    try:
        parameters = inspect.signature(function, follow_wrapped=follow).parameters
    except (TypeError, ValueError):
        return None
    try:
        hints = get_type_hints(inspect.unwrap(function) if follow else function)
    except Exception:  # a name that is there for type checkers alone, say
        hints = {}
    return {name: p.replace(annotation=hints.get(name, p.annotation)) for name, p in parameters.items()}


def takes(parameter: inspect.Parameter, value: Any) -> bool:
    """Whether a value fits a parameter's annotation, or is of the type of its default, whatever the annotation says."""
    default = parameter.default
    if default is not parameter.empty and (
        value is default or (type(value) is type(default) and default is not None)
    ):
        return True
    return fits(value, parameter.annotation)


def fits(value: Any, annotation: Any) -> bool:
    """Whether the value of a plain configuration is of a type; what cannot be told fits.

    Lists are whatever holds several, mappings stand for their like, and a mapping with a ``_target_`` is whatever that
    makes. Numbers are no truth values, nor 16.0 a whole number.

    >>> fits(16, int), fits(16.0, int), fits(True, int), fits(16, float), fits("16", float | None)
    (True, False, False, True, False)
    >>> from collections.abc import Sequence
    >>> fits([1, 2], Sequence[int]), fits(1, Sequence[int]), fits("ab", Sequence[str]), fits([1, "x"], list[int])
    (True, False, False, False)
    >>> fits([{"steps": 9}], Sequence[Mapping[str, Any]])
    True
    """
    kind, parts = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Any or (isinstance(value, Mapping) and "_target_" in value):
        return True
    if kind in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if kind is Annotated:
        return fits(value, parts[0])
    if kind is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if kind in (bool, int, str):
        return type(value) is kind
    if kind is float:
        return type(value) in (int, float)
    if kind in (None, type(None)):
        return value is None
    return not inspect.isclass(kind) or kind is inspect.Parameter.empty or _fits_class(value, kind, parts)


def _fits_class(value: Any, kind: type, parts: tuple[Any, ...]) -> bool:
    if kind is object or issubclass(kind, Enum | Number):
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and (
            len(parts) != _PAIR or all(fits(item, parts[1]) for item in value.values())
        )
    if _is_several(kind):
        return _fits_several(value, kind, parts)
    if hasattr(kind, "__fspath__"):
        return isinstance(value, str)
    return value is not None and not isinstance(value, bool | int | float | str | list | Mapping)


def _is_several(kind: type) -> bool:
    """Whether it is a list or the like, which a tensor, though one can go through it, is not."""
    return issubclass(kind, Iterable) and kind.__module__ in ("builtins", "collections.abc")


def _fits_several(value: Any, kind: type, parts: tuple[Any, ...]) -> bool:
    if not isinstance(value, list | tuple):
        return False
    if kind is tuple and parts and parts[-1] is not Ellipsis:
        return len(value) == len(parts) and all(map(fits, value, parts))
    return not parts or all(fits(item, parts[0]) for item in value)


def misfit(path: str, value: Any, annotation: Any) -> tuple[str, Any, Any]:
    """Where within ``value``, which does not fit, the misfit lies: its path, value and type.

    >>> misfit("augment", {"flip": None, "crop": -1}, dict[str, list | None] | None)[:2]
    ('augment.crop', -1)
    """
    for part in get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,):
        kind, parts = get_origin(part) or part, get_args(part)
        if (
            isinstance(value, Mapping)
            and inspect.isclass(kind)
            and issubclass(kind, Mapping)
            and len(parts) == _PAIR
        ):
            key, item = next((key, item) for key, item in value.items() if not fits(item, parts[1]))
            return misfit(f"{path}.{key}", item, parts[1])
    return path, value, annotation


def in_words(annotation: Any) -> str:
    """What a type takes, for who has given something else.

    >>> in_words(int | None), in_words(list[float]), in_words(Literal["a", "b"])
    ('a whole number or null', 'a list of which each is a number', 'a or b')
    """
    kind, parts = get_origin(annotation) or annotation, get_args(annotation)
    if kind in (Union, UnionType):
        named = dict.fromkeys(in_words(part) for part in parts)
        plain = [words for words in named if words not in (NODE, "null")]
        return " or ".join([*(plain or [NODE]), *(["null"] if "null" in named else [])])
    if kind is Annotated:
        return in_words(parts[0])
    if kind is Literal:
        return " or ".join(map(str, parts))
    if kind in _WORDS:
        return _WORDS[kind]
    if inspect.isclass(kind) and issubclass(kind, Mapping):
        return "a mapping"
    if inspect.isclass(kind) and _is_several(kind):
        of = [part for part in parts if part is not Ellipsis]
        return f"a list of which each is {in_words(of[0])}" if len(set(of)) == 1 else "a list"
    if inspect.isclass(kind) and hasattr(kind, "__fspath__"):
        return "text"
    return NODE
