"""The handbook in the site: the pages of ``docs/`` as they are."""

import re
import shutil
from pathlib import Path
from typing import Any

from lossatlas.atlas.links import repository

_ROW = re.compile(r"^\| \[([^\]]+)\]\(([\w-]+\.md)\)", re.MULTILINE)


def write_handbook(source: Path) -> list[dict[str, Any]]:
    """Copy the handbook below ``source``; return its part of the navigation, none without a checkout."""
    root = repository()
    if root is None:
        return []
    folder = source / "docs"
    shutil.copytree(root / "docs", folder)
    shutil.copytree(root / "benchmarks", source / "benchmarks", ignore=_all_but_markdown)
    pages = dict.fromkeys(_ROW.findall((folder / "README.md").read_text(encoding="utf-8")))
    told = {file for _, file in pages}
    rest = sorted(path.name for path in folder.glob("*.md") if path.name not in {*told, "README.md"})
    listed: list[Any] = ["docs/README.md"]
    listed += [{_capital(name): f"docs/{file}"} for name, file in pages]
    listed += [f"docs/{file}" for file in rest]
    return [{"Handbook": [*listed, {"Benchmarks": "benchmarks/README.md"}]}]


def _all_but_markdown(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".md")}


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
