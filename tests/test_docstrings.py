"""Docstrings of what is public: ``help`` is enough, as each tells all its parameters in numpydoc's sections."""

import ast
import importlib
import inspect
import re
from types import ModuleType
from typing import Any

import pytest

FACES = ("claims", "measures", "studies", "figures.experiments")  # what is in their __all__
MODULES = (
    "catalogue",
    "collect",
    "definition",
    "printed_curves",
    "publishing",
    "python_files",
    "sweeps",
    "values",
)
VARIADIC = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def public(module: ModuleType) -> list[str]:
    """Names of a module's functions and classes: its ``__all__``, or its own. Protocols have no parameters."""
    own = [name for name, of in vars(module).items() if getattr(of, "__module__", None) == module.__name__]
    names = getattr(module, "__all__", [name for name in own if not name.startswith("_")])
    found = {name: getattr(module, name) for name in names}
    return [
        name
        for name, of in found.items()
        if inspect.isfunction(of) or (inspect.isclass(of) and not getattr(of, "_is_protocol", False))
    ]


PUBLIC = [
    pytest.param(getattr(module, name), id=f"{path}.{name}")
    for path in (*FACES, *(f"experiments.{name}" for name in MODULES))
    for module in [importlib.import_module(f"lossatlas.{path}")]
    for name in public(module)
]


def sections(docstring: str) -> dict[str, str]:
    """Text of each section by its title."""
    parts = re.split(r"^(\w+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def told(docstring: str) -> dict[str, str]:
    """Type, with what it says of the default, of each parameter, in their order; stars as in the signature."""
    lines = re.findall(
        r"^(\*{0,2}\w+(?:, \w+)*)(?: : (.+))?\n +\S", sections(docstring).get("Parameters", ""), re.MULTILINE
    )
    return {name: kind for names, kind in lines for name in names.split(", ")}


def expected(of: Any) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(of).parameters.values()
    return {VARIADIC.get(parameter.kind, "") + parameter.name: parameter for parameter in parameters}


@pytest.mark.parametrize("of", PUBLIC)
def test_docstring_tells_each_parameter(of: Any) -> None:
    documented, parameters = told(inspect.getdoc(of) or ""), expected(of)
    assert list(documented) == list(parameters)
    assert [name for name, kind in documented.items() if not kind and not name.startswith("**")] == []


@pytest.mark.parametrize("of", PUBLIC)
def test_docstring_tells_the_defaults(of: Any) -> None:
    documented = told(inspect.getdoc(of) or "")
    for name, parameter in expected(of).items():
        kind, default = documented[name], parameter.default
        if default is parameter.empty or kind == "as of `Claim`":
            continue
        if isinstance(default, bool | int | float | str) and "inf" not in repr(default):
            values = re.search(r"default (.+)$", kind)
            assert values, name
            assert default in [ast.literal_eval(value) for value in values[1].split(" and ")], name
        else:
            assert "optional" in kind, name


@pytest.mark.parametrize("of", PUBLIC)
def test_docstring_of_a_function_tells_what_it_returns(of: Any) -> None:
    if inspect.isfunction(of) and inspect.signature(of).return_annotation is not None:
        parts = sections(inspect.getdoc(of) or "")
        assert "Returns" in parts or of.__name__ == "told_with_line"  # a context


def test_a_parameter_that_is_not_told_is_found() -> None:
    def f(x: int, *, y: int = 2, **rest: int) -> int:
        """Sum.

        Parameters
        ----------
        x, z : int, default 3
            Terms.
        **rest
            More.
        """
        return x + y + sum(rest.values())

    assert told(inspect.getdoc(f) or "") == {"x": "int, default 3", "z": "int, default 3", "**rest": ""}
    with pytest.raises(AssertionError):
        test_docstring_tells_each_parameter(f)
    with pytest.raises(KeyError):
        test_docstring_tells_the_defaults(f)
