"""The API reference: what each room offers, from its docstrings, which are read and not run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossatlas
from lossatlas.atlas.templates import rendered, write_page

_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
_REFERENCE = re.compile(r"`([^`<]+?)\s*<[^>`]+>`")  # `words <target>` of reStructuredText
_CLOSED = ("lossatlas.atlas", "lossatlas.cli")  # rooms that are commands, not functions to call


def write_reference(source: Path) -> list[dict[str, Any]]:
    """Write a page for each room that offers names, below ``source/api``; return their part of the navigation."""
    import griffe

    package = griffe.load(
        "lossatlas",
        search_paths=[Path(lossatlas.__file__).parents[1]],
        docstring_parser=griffe.Parser.numpy,
        docstring_options={"warnings": False},
        resolve_aliases=True,
    )
    rooms = [room for room in _rooms(package) if room.exports and room.path not in _CLOSED]
    for room in rooms:
        names = [room[str(name)] for name in sorted(map(str, room.exports)) if str(name) in room.members]
        body = rendered(
            "reference.md.j2", room=room, about=_sections(room), names=[_entry(name) for name in names]
        )
        write_page(source / "api" / f"{room.path}.md", room.path, body)
    index = rendered("reference_index.md.j2", rooms=[(room.path, _first_line(room)) for room in rooms])
    write_page(source / "api" / "index.md", "API", index)
    pages = [{room.path.removeprefix("lossatlas."): f"api/{room.path}.md"} for room in rooms]
    return [{"API": ["api/index.md", *pages]}]


def _rooms(package: Any) -> Iterator[Any]:
    """The packages below a package, by name."""
    for name in sorted(package.modules):
        module = package.modules[name]
        if not module.is_alias and module.is_subpackage:
            yield module
            yield from _rooms(module)


def _entry(member: Any) -> dict[str, Any]:
    """What the template tells of a name that a room exports."""
    target = _target(member)
    methods = [
        one
        for name, one in (target.members.items() if target.is_class else ())
        if not name.startswith("_") and not one.is_alias and one.is_function and one.docstring
    ]
    return {
        "name": member.name,
        "kind": "attribute" if target.is_attribute else "class" if target.is_class else "function",
        "signature": _signature(target, member.name),
        "sections": _sections(target),
        "methods": [
            {"name": one.name, "signature": _signature(one, one.name), "sections": _sections(one)}
            for one in methods
        ],
    }


def _target(member: Any) -> Any:
    """What a name stands for, wherever it is defined."""
    return member.final_target if member.is_alias else member


def _signature(target: Any, name: str) -> str:
    """As it is called, a parameter a line where it is long."""
    if target.is_attribute:
        return f"{name}: {target.annotation}" if target.annotation else name
    if not (target.is_function or target.is_class):
        return name
    told = str(target.signature(name=name)) if target.is_function else _constructor(target, name)
    if "property" in getattr(target, "labels", ()):
        told = f"{name} -> {target.returns}" if target.returns else name
    if len(told) <= 100 or not getattr(target, "parameters", None):
        return told
    head, _, tail = told.partition("(")
    inside, _, after = tail.rpartition(")")
    parts = _split(inside)
    return f"{head}(\n" + "".join(f"    {part},\n" for part in parts) + f"){after}"


def _constructor(target: Any, name: str) -> str:
    made = target.all_members.get("__init__")
    told = str(_target(made).signature(name=name)) if made is not None and made.is_function else name
    return re.sub(r"\(self(, )?", "(", told.removesuffix(" -> None"), count=1)


def _split(parameters: str) -> list[str]:
    """Parameters at the commas that are in no bracket.

    >>> _split("a: dict[str, int], *, b: float = 1.0")
    ['a: dict[str, int]', '*', 'b: float = 1.0']
    """
    parts, depth = [""], 0
    for sign in parameters:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _sections(target: Any) -> list[dict[str, Any]]:
    """Parts of a docstring: text, parameters and the like, examples."""
    if target.docstring is None:
        return []
    return [_section(section) for section in target.docstring.parsed]


def _section(section: Any) -> dict[str, Any]:
    kind = str(section.kind.value)
    if kind == "text":
        return {"kind": "text", "text": markdown(section.value)}
    if kind == "examples":
        return {
            "kind": "examples",
            "parts": [(str(what.value), _shown(what, text)) for what, text in section.value],
        }
    if kind == "admonition":
        return {"kind": "text", "text": f"**{section.title}**\n\n{markdown(section.value.description)}"}
    return {
        "kind": kind,
        "title": kind.replace("_", " ").capitalize(),
        "rows": [_row(one) for one in section.value],
    }


def _shown(kind: Any, text: str) -> str:
    return text if str(kind.value) == "examples" else markdown(text)


def _row(item: Any) -> dict[str, str]:
    default = getattr(item, "value", None)
    return {
        "name": str(getattr(item, "name", "") or ""),
        "type": str(item.annotation or ""),
        "default": str(default) if default not in (None, "") else "",
        "text": markdown(" ".join(item.description.split())),
    }


def markdown(text: str) -> str:
    r"""Text of a docstring as Markdown: what stands in code is code, and everything else stays what it is.

    >>> markdown("``x`` < 1, as `picture <lossatlas.figures.picture>` has it & *b*")
    '``x`` &lt; 1, as `picture` has it &amp; \\*b\\*'
    """
    from markupsafe import escape

    parts = _CODE.split(_REFERENCE.sub(r"`\1`", text))
    return "".join(
        part if number % 2 else re.sub(r"([*_\[\]])", r"\\\1", str(escape(part)))
        for number, part in enumerate(parts)
    )


def _first_line(room: Any) -> str:
    return markdown(room.docstring.value.strip().splitlines()[0]) if room.docstring else ""
