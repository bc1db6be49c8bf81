"""Docstrings of the face: ``help`` is enough, since each tells all its parameters, in numpydoc's sections."""

import ast
import inspect
import re

import pytest

from lossatlas import landscape

_PUBLIC = {name: getattr(landscape, name) for name in landscape.__all__}
FUNCTIONS = {name: each for name, each in _PUBLIC.items() if inspect.isfunction(each)}
CLASSES = {name: each for name, each in _PUBLIC.items() if inspect.isclass(each)}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def sections(docstring: str) -> dict[str, str]:
    """Text of each section by its title."""
    parts = re.split(r"^(\w+)\n-{3,}\n", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def told(docstring: str) -> dict[str, tuple[str, str]]:
    """Type and description of each parameter that is told, in their order."""
    items = re.findall(
        r"^(\w+(?:, \w+)*) : (.+)\n((?: +.+\n?)*)",
        sections(docstring).get("Parameters", ""),
        flags=re.MULTILINE,
    )
    return {name: (kind, about) for names, kind, about in items for name in names.split(", ")}


def expected(thing: object) -> dict[str, inspect.Parameter]:
    """Parameters of the signature; a protocol has none of its own."""
    parameters = inspect.signature(thing).parameters
    return {name: each for name, each in parameters.items() if each.kind not in VARIADIC}


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_docstring_tells_each_parameter(name):
    documented = told(inspect.getdoc(_PUBLIC[name]))

    assert set(documented) == set(expected(_PUBLIC[name]))
    assert all(kind and about.strip() for kind, about in documented.values())


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_docstring_tells_the_defaults(name):
    documented = told(inspect.getdoc(_PUBLIC[name]))
    optional = {key: each for key, each in expected(_PUBLIC[name]).items() if each.default is not each.empty}

    assert not [key for key in optional if not re.search("optional|default", documented[key][0])]
    for key, each in optional.items():
        if isinstance(each.default, bool | int | float | str):
            found = re.search(r"default (.+)$", documented[key][0])
            assert found, key
            assert ast.literal_eval(found[1]) == each.default, key


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstring_of_a_function_tells_what_it_returns_with_an_example(name):
    parts = sections(inspect.getdoc(FUNCTIONS[name]))

    assert parts["Returns"].strip()
    assert ">>>" in parts["Examples"]


def test_order_is_that_of_the_signature():
    for name in (*FUNCTIONS, *CLASSES):
        assert list(told(inspect.getdoc(_PUBLIC[name]))) == list(expected(_PUBLIC[name])), name
