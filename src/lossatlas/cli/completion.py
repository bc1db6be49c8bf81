"""Tab completion: Hydra's of groups, choices and keys, behind the words that are lossatlas's own."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from lossatlas.cli import COMMANDS
from lossatlas.cli.arguments import Parser
from lossatlas.cli.filters import STATUSES
from lossatlas.experiments.catalogue import catalogue, experiments
from lossatlas.experiments.papers import all_shown
from lossatlas.runs.composition.compose import start_hydra
from lossatlas.runs.composition.overrides import key_of
from lossatlas.runs.composition.search_path import CONFIG_NAME

_UPKEEP = {"check": "checking", "prune": "pruning"}
"""Commands of `lossatlas runs`, and their modules."""


def complete(arguments: Sequence[str], config_dir: str | None = None) -> None:
    """Do what the shell's script asks for by ``install=SHELL``, ``uninstall=SHELL`` or ``query=SHELL``.

    For a query the shell leaves the line so far in COMP_LINE, and the place of the cursor in COMP_POINT. ValueError
    for none of the three, or a shell that Hydra does not know.
    """
    if not any(argument.startswith("query=") for argument in arguments):
        _let_hydra(arguments, config_dir)
        return
    line = os.environ.get("COMP_LINE", "")
    line = line[: int(os.environ.get("COMP_POINT") or len(line))]
    *before, word = line.split() if line[-1:].strip() else [*line.split(), ""]
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--config-dir", "-cd", nargs="?")
    options, _ = parser.parse_known_args(before[2:])
    with suppress(OSError):  # a folder that is not there yet
        start_hydra(options.config_dir, before[2:])  # whose experiments are completed as the package's are
    choices = _own_words(before[1:], word)
    if choices is not None:
        separator = "\n" if "query=fish" in arguments else " "
        print(separator.join(choice for choice in choices if choice.startswith(word)))
        return
    given = [
        argument for argument in before[2:] if _is_an_override(argument) and not _names_a_subject(argument)
    ]  # options, and what follows them, are not Hydra's
    os.environ["COMP_LINE"] = " ".join(["lossatlas", *given, word])
    with suppress(HydraException, OmegaConfBaseException):  # an unfinished line need not make sense
        _let_hydra(arguments, options.config_dir)


def _let_hydra(arguments: Sequence[str], config_dir: str | None) -> None:
    hydra, program = start_hydra(config_dir), sys.argv[0]
    sys.argv[0] = "lossatlas"  # the program that Hydra's script names
    try:
        hydra.shell_completion(CONFIG_NAME, list(arguments))
    finally:
        sys.argv[0] = program


def _is_an_override(argument: str) -> bool:
    return not argument.startswith("-") and ("=" in argument or argument.startswith("~"))


def _names_a_subject(argument: str) -> bool:
    """Whether it says what ``lossatlas landscape`` surveys, which Hydra does not know."""
    return "=" in argument and key_of(argument) in ("run", "ckpt", "ckpt_key")


def _own_words(before: Sequence[str], word: str) -> list[str] | None:
    """Words that may follow ``before`` and that Hydra does not know; None where it is Hydra's to say."""
    if not before:
        return ["--help", "--version"] if word.startswith("-") else list(COMMANDS)
    command, *given = before
    if command not in COMMANDS:
        return []
    parser = _parser_of(command, given)
    if word.startswith("-"):
        return parser.option_strings
    if given and (values := parser.values_of(given[-1])) is not None:
        return values
    if command in ("runs", "compare", "export"):
        return _words_about_runs(command, given, word)
    if command == "landscape" and word.startswith("run="):
        return [f"run={name}" for name in _runs()]
    if command == "landscape" and _names_a_subject(word):
        return []
    if word.startswith("experiment="):
        return [f"experiment={name}" for name in experiments()]
    if command == "reproduce" and not any(name in given for name in experiments()) and "=" not in word:
        return [*([] if any(map(_is_of_a_paper, given)) else experiments()), *_papers(given)]
    return None


def _parser_of(command: str, given: Sequence[str]) -> Parser:
    """Parser of the arguments that follow a command, which may have commands of its own."""
    module = _UPKEEP.get(given[0], command) if command == "runs" and given else command
    parser: Parser = import_module(f"lossatlas.cli.{module}").command_parser()
    return parser


def _words_about_runs(command: str, given: Sequence[str], word: str) -> list[str] | None:
    """What the commands take that read the store: filters, runs, experiments."""
    if command == "export":
        return _runs()
    if word.startswith("status="):
        return [f"status={status}" for status in STATUSES]
    if word.startswith("experiment="):
        return [f"experiment={name}" for name in experiments()]
    if "=" in word:
        return None  # a choice of a group, or a key
    if command == "compare":
        return [*experiments(), *_runs()]
    return [] if given else list(_UPKEEP)


def _runs() -> list[str]:
    """Fingerprints of the store."""
    return [path.parent.name for path in sorted(Path("runs").glob("*/manifest.json"))]


def _is_of_a_paper(word: str) -> bool:
    """Whether it is the key of one that is shown."""
    return any(one.paper == word for one in all_shown(catalogue()))


def _papers(given: Sequence[str]) -> list[str]:
    """What may follow ``given`` so that it names what somebody shows of a paper, as "li2018 figure 7" does."""
    named = [str(one).split() for one in all_shown(catalogue())]
    words = [word for word in given if not word.startswith("-") and "=" not in word]
    following = [name[len(words)] for name in named if name[: len(words)] == words and len(name) > len(words)]
    return list(dict.fromkeys(following))
