"""``lossatlas``: the command that a user types. Imports nothing heavy, so that help comes at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from lossatlas import __version__
from lossatlas.cli import COMMANDS

_HELP = """lossatlas: an atlas of neural-network loss landscapes

usage: lossatlas COMMAND ...

{commands}

lossatlas COMMAND --help says more. HYDRA_FULL_ERROR=1 shows the traceback of an error.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (default: the process's) name; return the exit status."""
    is_typed = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_HELP.format(commands="\n".join(f"  {name:<11} {text}" for name, text in COMMANDS.items())))
        return 0
    if arguments[0] == "--version":
        print(f"lossatlas {__version__}")
        return 0
    if arguments[0] in ("-sc", "--shell-completion"):  # as the script that Hydra gives the shell has it
        arguments = ["train", *arguments]
    if arguments[0] not in COMMANDS:
        from lossatlas.choices import nearest

        print(
            f"lossatlas: {arguments[0]}: no such command; {nearest(arguments[0], COMMANDS)}", file=sys.stderr
        )
        return 2
    command: Callable[[list[str]], int] = _again_or(arguments[0]) if is_typed else _command(arguments[0])
    return _in_one_line(command, arguments[1:])


def _command(name: str) -> Callable[[list[str]], int]:
    return import_module(f"lossatlas.cli.{name}").main


def _again_or(name: str) -> Callable[[list[str]], int]:
    """The command, which is not imported where its answer of before still holds."""

    def command(arguments: list[str]) -> int:
        if name == "reproduce":
            from lossatlas.cli.answered import tell_again

            if tell_again(arguments):
                return 0
        return _command(name)(arguments)

    return command


def _in_one_line(command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command; tell a user's error, or an interruption, in one line."""
    try:
        with _terminable():
            return command(arguments)
    except BrokenPipeError:  # of `lossatlas runs | head`, who has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        return 1
    except KeyboardInterrupt:
        print("lossatlas: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        from lossatlas.cli.errors import exit_status, one_line, traceback_wanted

        line = one_line(error)
        if line is None or (traceback_wanted() and exit_status(error) == 1):
            raise
        print(f"lossatlas: {line}", file=sys.stderr)
        return exit_status(error)


@contextmanager
def _terminable() -> Iterator[None]:
    """Have SIGTERM interrupt the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # Python takes signals in no other
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
