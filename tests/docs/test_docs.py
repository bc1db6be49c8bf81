"""README and handbook do what they say: files are written, Python is run, commands are run or composed."""

import doctest
import importlib.util
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from lossatlas.cli.main import main
from lossatlas.experiments.catalogue import catalogue
from lossatlas.experiments.definition import definition
from lossatlas.experiments.papers import all_shown, asked_for
from lossatlas.runs.check import check_config
from lossatlas.runs.composition.compose import compose_job, start_hydra
from lossatlas.runs.composition.search_path import config_folder

ROOT = Path(__file__).parents[2]
HANDBOOK = sorted((ROOT / "docs").glob("*.md"))
PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in (ROOT / "README.md", *HANDBOOK)]
CHEAP = "epochs=1"  # a training line that is run as it stands; others are only composed
FINGERPRINT = "3f0c"  # of the runs that the pages show
NEEDS_PLUGIN = re.compile(r"hydra/launcher=(joblib|submitit|ray)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int

    @property
    def path(self) -> str | None:
        """Where the block is to be written, if a comment at its top names a file."""
        match = re.match(r"(?:# @package \S+\n)?# (\S+\.(?:py|yaml))\n", self.text)
        return match[1] if match else None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(match[1], match[2], text[: match.start()].count("\n") + 2)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in which a reader follows a page; modules written there can be imported."""
    monkeypatch.delitem(sys.modules, "theirs", raising=False)  # a module of that name of another test
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    modules, threads, deterministic = (
        set(sys.modules),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
    )
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_who_follows_the_page_meets_no_error(page: Path, reader: Path) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if block.path is not None:
            file = reader / block.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        else:
            FOLLOW[block.language](block.text, where, namespace)


def follow_python(text: str, where: str, namespace: dict[str, Any]) -> None:
    if ">>>" not in text:
        exec(compile(text, where, "exec"), namespace)
        return
    examples = doctest.DocTestParser().get_doctest(text, namespace, where, where, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(examples, clear_globs=False)
    namespace.update(examples.globs)
    assert runner.failures == 0, f"{where}: {runner.failures} examples give something else"


def follow_console(text: str, where: str, namespace: dict[str, Any]) -> None:
    for line in text.splitlines():
        if line.startswith("$ lossatlas "):
            follow_command(shlex.split(line.removeprefix("$ lossatlas "), comments=True), f"{where}: {line}")


def follow_command(arguments: list[str], where: str) -> None:
    needs = NEEDS_PLUGIN.search(" ".join(arguments))
    if needs and importlib.util.find_spec(f"hydra_plugins.hydra_{needs[1]}_launcher") is None:
        return  # one of the extra `launchers`, which is not installed
    command, *rest = arguments
    arguments = [with_a_run_that_is_there(argument) for argument in arguments]
    if command == "dashboard":  # without an account
        assert status_of([*arguments, "--json"]) == 0, where
        return
    if (
        command in ("runs", "compare", "export", "landscape")
        or {"--cfg", "--help", "--list", "--dry-run"} & set(rest)
        or (command in ("train", "reproduce") and CHEAP in rest)
    ):
        assert status_of(arguments) == 0, where
        return
    overrides = [first_value(argument) for argument in rest if not argument.startswith("-")]
    if command == "reproduce":
        words = [word for word in overrides if "=" not in word]  # a name, or a figure of a paper
        shown = asked_for(" ".join(words), all_shown(catalogue()))
        name = shown[0].experiment.name if shown else words[0]
        overrides = [f"experiment={name}", *overrides[len(words) :]]
    start_hydra()
    check_config(compose_job(overrides).config)


def with_a_run_that_is_there(argument: str) -> str:
    """Argument with the fingerprint of the run that was made last in place of the one that the pages show."""
    if FINGERPRINT not in argument:
        return argument
    if not runs_made():  # a page that shows only long trainings
        assert main(["train", "model=mlp", "init=default", CHEAP, "logger=none"]) == 0
    return argument.replace(FINGERPRINT, runs_made()[-1].parent.name)


def runs_made() -> list[Path]:
    """Configurations of the runs in the reader's store, the newest last."""
    return sorted(Path("runs").glob("*/config.yaml"), key=lambda path: path.stat().st_mtime)


def status_of(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def first_value(override: str) -> str:
    """Override with the first of the values that it sweeps over."""
    return re.sub(r"^([^=]+=[^[{,]+),.*", r"\1", override)


def follow_yaml(text: str, where: str, namespace: dict[str, Any]) -> None:
    assert yaml.safe_load(text), where


FOLLOW: dict[str, Callable[[str, str, dict[str, Any]], None]] = {
    "python": follow_python,
    "console": follow_console,
    "yaml": follow_yaml,
    "text": lambda text, where, namespace: None,  # what a command prints
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_links_only_to_what_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_every_page_stands_in_the_table_of_contents() -> None:
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", contents))
    assert linked == {page.name for page in HANDBOOK} - {"README.md"}


def test_the_table_of_groups_lists_the_choices_that_there_are() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").partition("## Overrides")[0]
    table = dict(re.findall(r"^\| `([\w/]+)` \| ([\w, ]+) \|", text, re.MULTILINE))
    conf = config_folder()
    groups = {
        file.parent.relative_to(conf)
        for file in conf.glob("*/**/*.yaml")
        if file.relative_to(conf).parts[0] not in ("hydra", "experiment")
    }
    choices = {str(group): {file.stem for file in (conf / group).glob("*.yaml")} for group in groups}
    choices["experiment"] = {folder.name for folder in (conf / "experiment").iterdir() if folder.is_dir()}
    assert {group: set(row.split(", ")) for group, row in table.items()} == choices


def test_the_claim_that_is_shown_is_the_experiment_s_own() -> None:
    (shown,) = (block.text for block in blocks(ROOT / "docs" / "experiments.md") if block.path == "claims.py")
    job = compose_job(["experiment=sharpness/digits"])
    (own,) = (
        claim
        for claim in definition("sharpness", job.config["experiment"]).claims
        if f'"{claim.id}"' in shown
    )
    assert own.paper is not None
    assert f'"{own.text}"' in shown
    assert f'printed({own.paper.first}, {own.paper.second}, source="{own.paper.source}")' in shown
