"""Which keyword arguments a callable takes."""

import inspect
from typing import Any


def accepted_arguments(target: Any) -> list[str] | None:
    """Names of a callable's parameters, those of the base classes that ``**kwargs`` goes to as well; None if any.

    >>> class Base:
    ...     def __init__(self, width): ...
    >>> class Net(Base):
    ...     def __init__(self, depth, **rest): ...
    >>> accepted_arguments(Net)
    ['depth', 'width']
    """
    if inspect.isclass(target) and target.__init__ is object.__init__ and target.__new__ is object.__new__:
        return []  # whatever the signature of object.__init__ says
    callables = (
        [vars(cls)["__init__"] for cls in target.__mro__ if "__init__" in vars(cls)]
        if inspect.isclass(target)
        else [target]
    )
    names: list[str] = []
    for function in callables:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # written in C
            return None
        names += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return [name for name in names if name != "self"]
    return None
