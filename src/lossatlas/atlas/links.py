"""Links of the pages to what else the repository holds."""

import re
import shutil
from functools import partial
from pathlib import Path, PurePosixPath
from posixpath import normpath

from lossatlas.runs.composition.search_path import config_folder

_CODE_OR_LINK = re.compile(
    r"^ *```.*?^ *```$|`[^`\n]+`"  # code, in which nothing is a link
    r"|!?\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)(?P<place>[^)\s#]+)(?:#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)


def repository() -> Path | None:
    """The checkout that the package lies in; None if it was installed from a wheel."""
    root = config_folder().parent
    return root if (root / "docs" / "README.md").exists() else None


def settle_links(source: Path) -> None:
    """Have each link of the Markdown below ``source`` lead somewhere.

    A file of the checkout to which a page links is copied into the site; a link to a folder, or to what is not there,
    is left out, and its words stay.
    """
    for page in sorted(source.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        settled = _CODE_OR_LINK.sub(partial(_settled, source=source, page=page), text)
        if settled != text:
            page.write_text(settled, encoding="utf-8")


def _settled(found: re.Match[str], source: Path, page: Path) -> str:
    if found["place"] is None:
        return found[0]
    place = normpath(str(PurePosixPath(page.relative_to(source).parent) / found["place"]))
    if (source / place).is_file():
        return found[0]
    root = repository()
    if root is None or not (file := root / place).is_file() or place.startswith("..") or file.suffix == ".md":
        return found["words"]
    (source / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, source / place)
    return found[0]
