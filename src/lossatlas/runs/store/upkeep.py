"""Upkeep of a store: which files of its runs are not what was written, and what can be removed."""

import shutil
from collections.abc import Callable, Collection, Iterable

from lossatlas.runs.store.index import Listed
from lossatlas.runs.store.landscape_files import open_landscape
from lossatlas.runs.store.manifest import StoreError
from lossatlas.runs.store.store import Run


def problems(entry: Listed) -> list[str]:
    """What is wrong with the files of a run, a line each; nothing if they are whole.

    Of a finished run all files are read. Of another only its record and its landscapes are: the rest is in the making.
    """
    if entry.problem:
        return [entry.problem]
    found = []
    manifest = entry.run.manifest()
    if manifest is not None and manifest.status == "finished":
        for path in entry.run.damaged_files(manifest):
            found.append(f"{path}: {'not what was written' if path.exists() else 'missing'}")
    for path in sorted(entry.run.landscapes.glob("**/*.nc")):
        whose = entry.run.fingerprint if path.parent == entry.run.landscapes else None
        try:
            open_landscape(path, whose)
        except (StoreError, FileNotFoundError) as error:
            found.append(" ".join(str(error).split()))
    return found


def set_aside_files(run: Run) -> list[str]:
    """Names of files that were found damaged, and kept beside those that took their place."""
    return sorted(path.name for path in run.folder.rglob("*.damaged-*"))


def named_by(staying: Iterable[Listed], names: Collection[str]) -> dict[str, list[str]]:
    """Those of the runs ``names`` that others, which stay, name in their configuration, and these others."""
    found: dict[str, list[str]] = {}
    for entry in staying:
        settings = " ".join(entry.record.settings.values()) if entry.record else ""
        for name in names:
            if name in settings:
                found.setdefault(name, []).append(entry.run.fingerprint)
    return found


def remove(run: Run, say: Callable[[str], None]) -> bool:
    """Remove a run with all that is in its folder, unless a process works on it; whether it is gone.

    The folder is renamed first, so that what is half removed is no run.
    """
    if run.is_locked():
        say(f"{run.fingerprint}: a process works on it; kept")
        return False
    gone = run.folder.with_name(f".removed-{run.folder.name}")
    shutil.rmtree(gone, ignore_errors=True)  # of a process that died here
    run.folder.replace(gone)
    shutil.rmtree(gone)
    return True


def remove_checkpoint(run: Run, say: Callable[[str], None]) -> bool:
    """Remove the training state of a finished run, which results do not need; whether it is gone."""
    if run.is_locked():
        say(f"{run.fingerprint}: a process works on it; kept")
        return False
    run.checkpoint_path.unlink(missing_ok=True)
    return True
