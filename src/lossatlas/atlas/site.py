"""The site as a whole: its folder of sources, and what the generator makes of it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from lossatlas.atlas.experiment_pages import write_experiments
from lossatlas.atlas.handbook import write_handbook
from lossatlas.atlas.links import settle_links
from lossatlas.atlas.reference import write_reference
from lossatlas.experiments.catalogue import Listed
from lossatlas.runs.store.store import Store

NEEDED = ("zensical", "griffe", "jinja2")
"""Modules of the extra ``lossatlas[atlas]``."""

MARK = "atlas.json"
"""File in the folder of a site by which it is known as one, which may be written over."""

_EXTENSIONS: list[Any] = [
    *("tables", "attr_list", "md_in_html", "pymdownx.superfences", "pymdownx.highlight", "pymdownx.details"),
    {"toc": {"permalink": True, "toc_depth": 3}},
]
_PALETTE = [
    # in the order in which the button goes through them: as the system has it, light, dark
    {"media": "(prefers-color-scheme)", "toggle": {"icon": "lucide/sun-moon", "name": "Light"}},
    {
        "media": "(prefers-color-scheme: light)",
        "scheme": "default",
        "toggle": {"icon": "lucide/sun", "name": "Dark"},
    },
    {
        "media": "(prefers-color-scheme: dark)",
        "scheme": "slate",
        "toggle": {"icon": "lucide/moon", "name": "As the system has it"},
    },
]


def check_installed() -> None:
    """Raise ValueError, which says how to install it, if the generator is not there."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ValueError(
            f"the atlas needs {' and '.join(missing)}: pip install -c constraints.txt 'lossatlas[atlas]'"
        )


def build(
    target: Path, experiments: Sequence[Listed], *, results: Path | None = None, store: Store | None = None
) -> Path:
    """Write the site of ``experiments`` and of the runs of a store.

    Parameters
    ----------
    target : Path
        Its folder, made if missing; a site that is there is replaced.
    experiments : sequence of Listed
        Those that have a page, in the order of the index.
    results : Path, optional
        The user's own folder of results, whose pictures and verdicts come before the published ones.
    store : Store, optional
        Whose runs have a page; None: no runs.

    Returns
    -------
    Path
        Of the first page.

    Raises
    ------
    ValueError
        If the generator is not installed, fails, or ``target`` holds something else than a site.
    """
    check_installed()
    if target.exists() and any(target.iterdir()) and not (target / MARK).exists():
        raise ValueError(f"{target}: holds something else than an atlas; --output takes a folder of its own")
    with TemporaryDirectory() as folder:
        project = Path(folder)
        source = project / "source"
        shutil.copytree(Path(str(files("lossatlas.atlas"))) / "assets", source / "assets")
        navigation = [
            *write_experiments(source, experiments, results),
            *(_runs(source, store) if store is not None else []),
            *write_handbook(source),
            *write_reference(source),
        ]
        settle_links(source)
        _generate(project, navigation)
        (project / "site" / "404.html").unlink(missing_ok=True)  # a server's, whose links begin at its root
        (project / "site" / MARK).write_text(
            json.dumps({"experiments": [one.name for one in experiments]}) + "\n", encoding="utf-8"
        )
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(project / "site", target)
    return target / "index.html"


def _runs(source: Path, store: Store) -> list[dict[str, Any]]:
    from lossatlas.atlas.run_pages import write_runs  # which imports what reads and draws landscapes

    return write_runs(source, store)


def _generate(project: Path, navigation: Sequence[Any]) -> None:
    settings = {
        "site_name": "lossatlas",
        "site_description": "An atlas of neural-network loss landscapes",
        "docs_dir": "source",
        "site_dir": "site",
        "use_directory_urls": False,  # so that pages link to each other without a server
        "nav": list(navigation),
        "theme": {
            "font": False,  # those of the reader's system: nothing is fetched
            "palette": _PALETTE,
            "features": [
                "navigation.tabs",
                "navigation.indexes",
                "navigation.prune",
                "navigation.top",
                "content.code.copy",
            ],
        },
        "plugins": ["search", "offline"],
        "markdown_extensions": _EXTENSIONS,
        "extra_css": ["assets/atlas.css"],
        "extra_javascript": ["assets/atlas.js"],
        "extra": {
            "generator": False,
            # by which the search works without a server; unless it is named, it is fetched from the network
            "polyfills": [
                {"path": "assets/iframe-worker.js", "type": "text/javascript", "async": False, "defer": False}
            ],
        },
    }
    file = project / "mkdocs.yml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--config-file", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (project / "site" / "index.html").exists():
        raise ValueError(f"zensical failed: {(done.stderr or done.stdout).strip()}")
