"""Tab completion in bash, with the script that `lossatlas train --shell-completion install=bash` gives it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typed import type_here

from lossatlas.cli import COMMANDS
from lossatlas.runs.composition.search_path import config_folder

RUNS_OPTIONS = ["--store", "--sort", "--reverse", "--columns", "--disk", "--json", "--csv"]
MODELS = [f"model={path.stem}" for path in sorted((config_folder() / "model").glob("*.yaml"))]


def completions(line: str, monkeypatch: pytest.MonkeyPatch, *, shell: str = "bash") -> list[str]:
    """What is offered at the end of ``line``, asked for as the shell's script does."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    answer = type_here("-sc", f"query={shell}")
    assert (answer.status, answer.err) == (0, "")
    return answer.out.split("\n" if shell == "fish" else None)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lossatlas ", list(COMMANDS)),
        ("lossatlas re", ["reproduce"]),
        ("lossatlas train model=", MODELS),
        ("lossatlas train -m seed=0,1 model=vgg", [name for name in MODELS if name.startswith("model=vgg")]),
        ("lossatlas train model=mlp model.bat", ["model.batch_norm="]),
        ("lossatlas train model=resnet20 model.dep", ["model.depth="]),
        ("lossatlas train experiment=sh", ["experiment=sharpness"]),
        ("lossatlas train hydra/launcher=pro", ["hydra/launcher=processes"]),
        ("lossatlas train --config-dir own model=th", ["model=theirs"]),
        ("lossatlas train model=nonsense optimi", ["optimizer="]),
        ("lossatlas reproduce dep", ["depth"]),
        ("lossatlas reproduce de", ["depth", "devries2017"]),
        ("lossatlas reproduce li", ["li2018"]),
        ("lossatlas reproduce li2018 ", ["figure", "table", "section"]),
        ("lossatlas reproduce huang2017 table ", ["1", "3"]),
        (
            "lossatlas reproduce sharpness optimizer=ad",
            ["optimizer=adagrad", "optimizer=adagrad_inside", "optimizer=adam", "optimizer=adamw"],
        ),
        ("lossatlas landscape run=ab landscape=surf", ["landscape=surface"]),
        ("lossatlas landscape run=", ["run=ab12"]),
        ("lossatlas landscape ckpt=", []),
        ("lossatlas landscape ckpt=a.ckpt ckpt_key=", []),
        ("lossatlas landscape ckpt=a.ckpt ckpt_key=net landscape=surf", ["landscape=surface"]),
        ("lossatlas runs ", ["check", "prune"]),
        ("lossatlas runs prune ", []),
        ("lossatlas runs model=vgg9_n", ["model=vgg9_narrow"]),
        ("lossatlas runs status=f", ["status=failed", "status=finished"]),
        ("lossatlas runs --", ["--help", *RUNS_OPTIONS]),
        ("lossatlas runs check --s", ["--store"]),
        ("lossatlas runs prune --c", ["--checkpoints"]),
        ("lossatlas compare dep", ["depth"]),
        ("lossatlas compare depth a", ["adaptive_generalization", "architectures", "ab12"]),
        ("lossatlas compare --h", ["--help", "--html"]),
        ("lossatlas export a", ["ab12"]),
        ("lossatlas export --to ", ["hdf5", "vtk", "csv"]),
        ("lossatlas --v", ["--version"]),
        ("lossatlas train --dry", ["--dry-run"]),
        ("lossatlas train --conf", ["--config-dir"]),
        ("lossatlas train --config-dir ", []),
        ("lossatlas train --cfg ", ["job", "hydra", "all"]),
        ("lossatlas train -m --dry-run --cfg job model=vgg9_n", ["model=vgg9_narrow"]),
        ("lossatlas train --nonsense model=vgg9_n", ["model=vgg9_narrow"]),
        ("lossatlas reproduce depth --no", ["--no-train"]),
        ("lossatlas landscape --c", ["--config-dir"]),
        ("lossatlas nonsense ", []),
    ],
)
def test_commands_choices_and_keys_are_offered(
    folder: Path, line: str, offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own" / "model").mkdir(parents=True)
    (folder / "own" / "model" / "theirs.yaml").write_text("_target_: theirs.Net")
    (folder / "runs" / "ab12").mkdir(parents=True)
    (folder / "runs" / "ab12" / "manifest.json").touch()
    assert completions(line, monkeypatch) == offered


def test_only_what_stands_before_the_cursor_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_LINE", "lossatlas train model=ml seed=1")
    monkeypatch.setenv("COMP_POINT", str(len("lossatlas train model=ml")))
    assert type_here("train", "--shell-completion", "query=bash").out.split() == ["model=mlp"]


def test_fish_gets_a_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions("lossatlas train logger=", monkeypatch, shell="fish")[:2] == [
        "logger=csv",
        "logger=none",
    ]
    assert completions("lossatlas ", monkeypatch, shell="fish")[: len(COMMANDS)] == list(COMMANDS)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_with_the_script_that_is_installed(folder: Path) -> None:
    """The script is run as bash does at a tab, with a program `lossatlas` on the path."""
    program = folder / "lossatlas"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lossatlas.cli.main "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(lossatlas train --shell-completion install=bash)"
        complete -p lossatlas
        COMP_LINE="lossatlas train model=mlp optimizer.mom"; COMP_POINT=${#COMP_LINE}; COMP_CWORD=3
        hydra_bash_completion
        echo "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    rule, offered = answer.stdout.splitlines()
    assert rule.endswith("-F hydra_bash_completion lossatlas")
    assert offered == "optimizer.momentum="
