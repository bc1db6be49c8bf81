"""What comes with an experiment of its results, and the pages that tell of them."""

import json
import shutil
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch
from typed import Answer, type_here

from lossatlas.experiments.catalogue import experiments
from lossatlas.experiments.publishing import fill_sections, index_sections, page_sections, project_sections
from lossatlas.runs.composition import compose, search_path
from lossatlas.runs.composition.search_path import config_folder

FOLDER = config_folder() / "experiment"
PAGE = """# tiny

It took <!-- cost digits --><!-- end --> here and <!-- cost paper --><!-- end --> there.

<!-- verdict digits -->
<!-- end -->
"""


@pytest.mark.parametrize("name", experiments())
def test_the_page_of_an_experiment_has_what_was_published(name: str) -> None:
    page = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    sections = page_sections(name)
    assert {"verdict digits", "cost digits", "cost paper"} <= set(sections)
    assert [section for section in sections if f"<!-- {section} -->" not in page] == []
    assert fill_sections(page, sections) == page


def test_the_list_of_experiments_is_current() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "<!-- experiments -->" in page
    assert fill_sections(page, index_sections(FOLDER)) == page


def test_the_projects_page_counts_what_was_published() -> None:
    page = (FOLDER.resolve().parent / "README.md").read_text(encoding="utf-8")
    assert "<!-- counts sharpness digits -->" in page
    for name in experiments():
        assert fill_sections(page, project_sections(name)) == page


def test_sections_are_fill_sections_where_their_markers_stand_and_fill_sections_again() -> None:
    once = fill_sections(PAGE, {"cost digits": "5 min", "verdict digits": "| a | b |", "cost paper": "1 h"})
    assert "It took <!-- cost digits -->5 min<!-- end --> here and <!-- cost paper -->1 h<!-- end -->" in once
    assert once.endswith("<!-- verdict digits -->\n\n| a | b |\n\n<!-- end -->\n")
    again = fill_sections(once, {"cost digits": r"6 min \1", "verdict digits": "| c |"})
    assert r"It took <!-- cost digits -->6 min \1<!-- end --> here" in again
    assert again.endswith("<!-- verdict digits -->\n\n| c |\n\n<!-- end -->\n")


REMARK = "Two seeds are few."
NAME = "tiny"
FILES = {
    "digits.yaml": """
        # @package _global_
        defaults:
          - override /data: synthetic_images
          - override /model: mlp
          - override /init: default
          - override /landscape: weights
        data: {shape: [1, 8, 8], classes: 4, train: 64, validation: 16, test: 32}
        model: {hidden: [8]}
        epochs: 1
        experiment:
          name: tiny
          scale: digits
          title: Tiny
          question: Do large batches move the weights less?
          source: nobody
          axes: {batch_size: data.batch_size, seed: seed}
          remarks: {first: {cannot tell: Two seeds are few., holds: Not shown.}}
        hydra: {mode: MULTIRUN, sweeper: {params: {data.batch_size: "16,32", seed: "0,1"}}}
        """,
    "paper.yaml": """
        # @package _global_
        defaults:
          - override /scale: paper
          - override /data: cifar10
          - override /model: mlp
          - override /landscape: line
        experiment:
          name: tiny
          scale: paper
          axes: {seed: seed}
        hydra: {mode: MULTIRUN, sweeper: {params: {seed: "0,1"}}}
        """,
    "claims.py": """
        from lossatlas.claims import PairedDifference

        def std(weights):
            return weights["std"]

        def claims(v):
            small, large = {"batch_size": 16}, {"batch_size": 32}
            text = "Small batches end with the larger weights"
            yield PairedDifference("first", text, std, greater=small, lesser=large)
            yield PairedDifference("second", "Large batches do", std, greater=large, lesser=small)
        """,
    "figures.py": """
        from functools import partial

        from lossatlas.figures.experiments import trends

        def std(weights):
            return weights["std"]

        def figures(v):
            return {"figure": partial(trends, along="batch_size", measures={"std": std})}
        """,
}
PLAINLY = ("trainer=cpu", "logger=none", "runtime.threads=1", "hydra/launcher=basic")
TYPED = ("reproduce", NAME, *PLAINLY)


def copy_of_the_package(target: Path) -> Path:
    """The package's choices, with one experiment of four tiny runs in place of its own."""
    for group in config_folder().iterdir():
        if group.name != "experiment":
            (target / group.name).symlink_to(group)
    folder = target / "experiment" / NAME
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(dedent(text).lstrip())
    (folder / "README.md").write_text(PAGE)
    (folder.parent / "README.md").write_text("# All\n\n<!-- experiments -->\n<!-- end -->\n")
    (target / "README.md").write_text("It has <!-- counts tiny digits --><!-- end -->.\n")
    return target


def answer_from(package: Path, folder: Path, *arguments: str) -> Answer:
    """Type a command where the package's choices are those in ``package``."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (search_path, compose):
            patch.setattr(module, "config_folder", lambda: package)
        patch.chdir(folder)
        return type_here(*arguments)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Answer]:
    """A package into which two runs were published, the folder in which that was typed, and the answer."""
    folder, package = (
        tmp_path_factory.mktemp("typed"),
        copy_of_the_package(tmp_path_factory.mktemp("package")),
    )
    return package, folder, answer_from(package, folder, *TYPED, "--publish", "paths.runs=elsewhere")


def published(package: Path) -> dict[str, Any]:
    return json.loads((package / "experiment/tiny/results/digits/verdict.json").read_bytes())


def test_what_is_published_says_what_it_took_and_names_no_place(made: tuple[Path, Path, Answer]) -> None:
    package, _, answer = made
    assert answer.status == 0
    content = published(package)
    assert (content["cost"]["cells"], content["cost"]["trained"], content["cost"]["surveyed"]) == (4, 4, 4)
    assert 0 < content["cost"]["seconds"] < 120
    assert content["command"] == "lossatlas " + " ".join(TYPED)
    assert (package / "experiment/tiny/results/digits/figure.png").read_bytes().startswith(b"\x89PNG")


def test_publishing_writes_the_pages(made: tuple[Path, Path, Answer]) -> None:
    package = made[0] / "experiment"
    page = (package / NAME / "README.md").read_text()
    claims = published(made[0])["claims"]
    assert page.count("**cannot tell**") == len(claims) == 2
    assert " cores<!-- end --> here and <!-- cost paper --><!-- end --> there" in page
    (row,) = [line for line in (package / "README.md").read_text().splitlines() if NAME in line]
    assert f"{len(claims)} open<br>" in row
    assert (made[0] / "README.md").read_text() == "It has <!-- counts tiny digits -->2 open<!-- end -->.\n"


def test_the_record_says_on_what_it_was_computed_and_of_which_seeds(made: tuple[Path, Path, Answer]) -> None:
    content = published(made[0])
    assert content["seeds"] == [0, 1]
    capability = torch.backends.cpu.get_cpu_capability()
    judged_on, (trained_on,) = content["judged_on"], content["trained_on"]
    assert (judged_on["capability"], trained_on["capability"]) == (capability, capability)
    assert judged_on["torch"] == torch.__version__
    assert judged_on["processor"] == trained_on["cpu"]
    assert trained_on["threads"] == [1]
    assert any(character.isdigit() for character in judged_on["blas"])


def test_a_remark_goes_with_its_verdict_into_every_telling(made: tuple[Path, Path, Answer]) -> None:
    package, _, answer = made
    assert REMARK in " ".join(answer.out.split())
    first, *others = published(package)["claims"]
    assert (first["remark"], {claim["remark"] for claim in others}) == (REMARK, {""})
    assert f"<br>*{REMARK}*" in (package / "experiment/tiny/README.md").read_text()


def test_the_cost_of_the_complete_computation_stays_when_nothing_is_computed(
    made: tuple[Path, Path, Answer],
) -> None:
    package, folder, _ = made
    before = published(package)
    shutil.rmtree(folder / "results")
    answer = answer_from(package, folder, *TYPED, "--publish", "paths.runs=elsewhere")
    assert answer.status == 0
    after = published(package)
    assert {**after, "judged_on": None} == {**before, "judged_on": None}  # another process, of other threads
    own = json.loads((folder / "results/tiny/digits/verdict.json").read_bytes())
    assert own["cost"] is None


def test_an_estimate_is_published_beside_the_results(made: tuple[Path, Path, Answer]) -> None:
    package, folder, _ = made
    typed = ("reproduce", NAME, "scale=paper", "--estimate", "--publish")
    assert answer_from(package, folder, *typed).status == 0
    content = json.loads((package / "experiment/tiny/results/paper/cost.json").read_bytes())
    assert content["networks"][0]["training"]["images"] == 50_000
    page = (package / "experiment/tiny/README.md").read_text()
    assert "<!-- cost paper -->about " in page
    hours = float(format(content["gpu_hours"], ".2g"))
    assert f"about {hours:g} GPU hours" in (package / "experiment/README.md").read_text()


def test_a_remark_on_no_claim_is_refused_before_anything_is_trained(folder: Path) -> None:
    package = copy_of_the_package(folder)
    digits = package / "experiment/tiny/digits.yaml"
    digits.write_text(digits.read_text().replace("{first:", "{third:"))
    answer = answer_from(package, folder, *TYPED)
    assert answer.status == 1
    assert answer.complaint == "experiment.remarks: there is no claim 'third'"
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "typed",
    [
        ("reproduce", "--list"),
        ("reproduce", "--help"),
        ("reproduce", NAME, "--estimate"),
        ("train", f"experiment={NAME}", "data.batch_size=16", "seed=0", *PLAINLY),
        ("-sc", "query=bash"),
    ],
    ids=["list", "help", "estimate", "train", "completion"],
)
def test_an_experiments_python_is_run_by_nothing_but_reproduce(
    typed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, package = (tmp_path / name for name in ("typed", "package"))
    folder.mkdir()
    package.mkdir()
    copy_of_the_package(package)
    for name in ("claims.py", "figures.py"):
        (package / "experiment" / NAME / name).write_text("\nraise RuntimeError('I was run')\n")
    if typed[0] == "-sc":
        line = "lossatlas reproduce ti"
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert answer_from(package, folder, *typed).status == 0
    answer = answer_from(package, folder, *TYPED)
    assert answer.status == 1
    assert f"{NAME}/claims.py, line 2: RuntimeError: I was run" in answer.err


def test_an_experiment_without_claims_is_told_so_before_anything_is_trained(tmp_path: Path) -> None:
    folder, package = (tmp_path / name for name in ("typed", "package"))
    folder.mkdir()
    package.mkdir()
    copy_of_the_package(package)
    (package / "experiment" / NAME / "claims.py").unlink()
    answer = answer_from(package, folder, *TYPED)
    assert (answer.status, list(folder.glob("runs/*"))) == (1, [])
    assert f"{NAME} has no claims.py" in answer.err
