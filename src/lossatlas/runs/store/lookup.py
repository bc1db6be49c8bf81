"""The run that somebody names: by the beginning of its fingerprint, its folder, or a file in it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lossatlas.choices import nearest
from lossatlas.runs.store.store import Run, Store

_LISTED = 8  # fingerprints that an error message may list


def find_run(store: Store, text: str) -> Run:
    """The run in ``store`` whose fingerprint begins with ``text``, or whose folder ``text`` is.

    ValueError if there is none, with the nearest, or if there are several.
    """
    if (Path(text) / "manifest.json").is_file():
        return Run(Path(text))
    names = store.fingerprints()
    found = [name for name in names if text and name.startswith(text)]
    if len(found) == 1:
        return store.run(found[0])
    if found:
        raise ValueError(f"{text}: {len(found)} runs begin with it: {', '.join(sorted(found))}")
    if not names:
        raise ValueError(f"{text}: no such run; there are no runs in {store.root}/")
    hint = nearest(text, names)
    if "did you mean" not in hint and len(names) > _LISTED:
        hint = "lossatlas runs lists them"
    raise ValueError(f"{text}: no such run in {store.root}/; {hint}")


def find_finished_run(store: Store, text: str) -> Run:
    """As `find_run`; ValueError also if the run is not finished."""
    run = find_run(store, text)
    if not run.is_finished():
        manifest = run.manifest()
        status = "damaged" if manifest is None or manifest.status == "finished" else manifest.status
        raise ValueError(
            f"run {run.fingerprint} is {status}, not finished; named by overrides it is trained to its end"
        )
    return run


def run_and_weights(store: Store, text: str) -> tuple[Run, Path | None]:
    """The run that ``text`` names, and the file of weights in its folder if ``text`` is one.

    ValueError as `find_run`, and for a file that lies in no run's folder.
    """
    path = Path(text)
    if not path.is_file():
        return find_run(store, text), None
    for folder in (path.parent, path.parent.parent):
        if (folder / "manifest.json").is_file():
            run = Run(folder)
            return run, None if path.name == run.weights_path.name and path.parent == folder else path
    raise ValueError(
        f"{path}: lies in no run's folder; a network of your own is given as model._target_=yours.Net ckpt={path}"
    )


def named_run(
    value: str | Sequence[str], config: Mapping[str, Any], from_overrides: Callable[[Sequence[str]], Run]
) -> Run:
    """The run that ``{run: value}`` names in a landscape of ``config``: by its fingerprint, or by overrides.

    ValueError as `find_run`.
    """
    if isinstance(value, str):
        return find_run(Store(config["paths"]["runs"]), value)
    return from_overrides(value)
