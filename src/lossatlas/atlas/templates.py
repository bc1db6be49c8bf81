"""Templates of the pages. What is filled in is text: ``<`` and ``&`` in a name stay what they are."""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

from lossatlas.words import counted


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lossatlas.atlas"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"significant": significant, "counted": counted, "plain": plain}
    return environment


def rendered(template: str, **values: Any) -> str:
    """A template of the package's, filled in."""
    return str(_environment().get_template(template).render(**values))


def significant(value: float | None, digits: int = 3) -> str:
    """Significant digits, without an exponent where one can do without; a dash for what is not known.

    >>> significant(0.071234), significant(8192.4), significant(None), significant(float("nan"))
    ('0.0712', '8192', '–', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e6 else f"{value:.{digits}g}"


def write_page(path: Path, title: str, body: str, *, wide: bool = False) -> None:
    """Write a page of Markdown, whose ``title`` is text; one that is ``wide`` has no list of its headings beside it."""
    from markupsafe import escape

    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = "hide: [toc]\n" if wide else ""
    front = f"---\ntitle: {json.dumps(str(escape(title)), ensure_ascii=False)}\n{hidden}---\n\n"
    path.write_text(front + body, encoding="utf-8")


def plain(text: str) -> str:
    r"""Text as Markdown shows it as it stands.

    >>> plain("a<b> & *c* [d] `e`")
    'a&lt;b&gt; &amp; \\*c\\* \\[d\\] \\`e\\`'
    """
    from markupsafe import escape

    shown = str(escape(text))
    for sign in "\\`*_[]{}|":
        shown = shown.replace(sign, f"\\{sign}")
    return shown
