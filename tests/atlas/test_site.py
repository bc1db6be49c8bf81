"""The site as it lies on the disk: complete, offline, and with names that are text."""

import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from built import NAME, ODD, Built
from hydra.core.global_hydra import GlobalHydra
from site_reader import dead_links, pages, read

from lossatlas.atlas import site
from lossatlas.cli.main import main
from lossatlas.experiments.catalogue import experiments


def test_no_link_is_dead(built: Built) -> None:
    assert dead_links(built.folder) == []


def test_a_dead_link_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<a href="gone.html">a</a><a href="#here" id="there">b</a><img src="no.png">'
    )
    assert [link.split(": ")[1] for link in dead_links(tmp_path)] == ["gone.html", "#here", "no.png"]


def test_no_two_parts_of_a_page_have_one_name(built: Built) -> None:
    """A filter that looks for its table by name would find a heading."""
    for path in pages(built.folder):
        names = re.findall(r'\sid="([^"]+)"', path.read_text(encoding="utf-8"))
        assert [name for name, count in Counter(names).items() if count > 1] == [], path


def test_nothing_is_fetched_from_the_network(built: Built) -> None:
    fetched = {place for page in pages(built.folder).values() for place in page.fetched}
    assert fetched
    assert {place for place in fetched if place.startswith(("http", "//"))} == set()


def test_names_with_signs_of_html_stay_text(built: Built) -> None:
    found = pages(built.folder)
    assert [path.name for path, page in found.items() if "blink" in page.tags] == []
    for place in ("index.html", "claims.html", "experiments/odd/index.html"):
        assert ODD in read(built.folder / place).text, place


def test_an_experiment_shows_both_scales_beside_the_paper(built: Built) -> None:
    page = read(built.folder / "experiments" / "odd" / "index.html")
    table = page.text.partition("what is claimed")[2]
    assert table.index("holds") < table.index("fails") < table.index("≈7.5")
    assert "1.25 ± 0.5" in table
    assert "1.5 [1, 2] %" in table


def test_every_picture_says_what_is_seen(built: Built) -> None:
    shown = [picture for page in pages(built.folder).values() for picture in page.pictures]
    assert any("figure" in str(picture["src"]) for picture in shown)
    assert [picture for picture in shown if not picture.get("alt")] == []


def test_a_page_has_its_experiment_s_source_and_provenance(built: Built) -> None:
    text = read(built.folder / "experiments" / NAME / "index.html").text
    assert all(
        part in text for part in ("claims.py", "digits.yaml", "key of the results", "lossatlas reproduce")
    )


def test_handbook_and_reference_are_in_it(built: Built) -> None:
    assert "One page a concept" in read(built.folder / "docs" / "index.html").text
    reference = read(built.folder / "api" / "lossatlas.landscape.html").text
    assert "normalize: str = 'filter'" in reference
    assert "Points along each axis" in reference


def test_each_run_has_a_page_without_its_machine(built: Built) -> None:
    assert len(built.runs) == 2
    for run in built.runs:
        text = read(built.folder / "runs" / f"{run}.html").text
        assert "epochs: 2" in text
        assert str(built.folder.parent) not in (built.folder / "runs" / f"{run}.html").read_text(
            encoding="utf-8"
        )


@pytest.mark.slow
def test_the_site_of_all_published_experiments_is_small(built: Built, tmp_path: Path) -> None:
    """All that the handbook promises of its size, without a store: 25 MB, of which plotly is five."""
    (tmp_path / "none").mkdir()
    assert main(["atlas", f"paths.runs={tmp_path / 'none'}", "--output", str(tmp_path / "site")]) == 0
    GlobalHydra.instance().clear()
    shown = list((tmp_path / "site" / "experiments").glob("*/index.html"))
    assert len(shown) >= len(experiments())
    assert sum(path.stat().st_size for path in (tmp_path / "site").rglob("*") if path.is_file()) < 25e6


def test_a_site_is_written_again_and_nothing_else_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="holds something else than an atlas"):
        site.build(tmp_path, [])
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_missing_generator_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "find_spec", lambda name: None if name == "zensical" else find_spec(name))
    assert main(["atlas", NAME, "--output", str(tmp_path / "site")]) == 1
    told = capsys.readouterr().err
    assert told == "lossatlas: the atlas needs zensical: pip install -c constraints.txt 'lossatlas[atlas]'\n"


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("paths.run=x", "paths.run: the atlas takes no such key; did you mean paths.runs?"),
        ("paths.runs=gone", "paths.runs=gone: no such folder"),
        ("sharpnes", "sharpnes: no such experiment; did you mean sharpness?"),
    ],
)
def test_wrong_input_is_told_in_one_line(
    argument: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["atlas", argument]) == 1
    assert capsys.readouterr().err == f"lossatlas: {told}\n"
