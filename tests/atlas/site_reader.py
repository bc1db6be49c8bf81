"""Pages of a site, read without a browser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Page:
    """What stands on a page."""

    text: str = ""
    tags: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)  # what a reader may follow
    fetched: list[str] = field(default_factory=list)  # what the browser fetches by itself
    pictures: list[dict[str, str | None]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._raw = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        self.page.tags.add(tag)
        self._raw = tag in ("script", "style")
        self.page.anchors |= {str(told[name]) for name in ("id", "name") if told.get(name)}
        if tag == "a" and told.get("href"):
            self.page.links.append(str(told["href"]))
        if tag == "img":
            self.page.pictures.append(told)
        place = told.get("src") or (
            told.get("href") if tag == "link" and told.get("rel") == "stylesheet" else None
        )
        if place:
            self.page.fetched.append(place)

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.page.text += data


def read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}


def dead_links(site: Path) -> list[str]:
    """Links within a site that lead to no file, or to no heading of it; what lies elsewhere is not asked for."""
    found, dead = pages(site), []
    for path, page in found.items():
        for link in (*page.links, *page.fetched):
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data") or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            # what stands side by side is told to that page's script in the fragment
            anchor = "" if target.name == "compare.html" else unquote(parts.fragment)
            if not target.exists() or (anchor and target in found and anchor not in found[target].anchors):
                dead.append(f"{path.relative_to(site.resolve())}: {link}")
    return dead
