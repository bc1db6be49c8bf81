"""Hydra's search path: the package's own folder of choices, and those that the user adds."""

from importlib.util import find_spec
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra

import lossatlas

CONFIG_NAME = "train"


def config_folder() -> Path:
    """Folder of the YAML choices: the checkout's ``conf/``, or the copy that a wheel carries."""
    package = Path(lossatlas.__file__).parent
    checkout = package.parents[1] / "conf"
    return checkout if (checkout / f"{CONFIG_NAME}.yaml").exists() else package / "conf"


def config_folders() -> list[Path]:
    """Folders on Hydra's search path, the package's own first; that one alone before Hydra is started."""
    hydra = GlobalHydra.instance()
    if not hydra.is_initialized():
        return [config_folder()]
    places = [element.path for element in hydra.config_loader().get_search_path().get_path()]
    own = config_folder()
    found = [folder for place in places if (folder := _folder(place)) is not None and folder != own.resolve()]
    return [own, *dict.fromkeys(found)]


def _folder(place: str) -> Path | None:
    """Folder of an entry of the search path; None for what is no folder: structured configurations, Hydra's own.

    >>> _folder("file:///tmp/mine"), _folder("pkg://hydra.conf"), _folder("structured://")
    (PosixPath('/tmp/mine'), None, None)
    """
    schema, separator, path = place.partition("://")
    if not separator or schema == "file":
        return Path(path or place).resolve()
    if schema != "pkg" or path == "hydra.conf":
        return None
    spec = find_spec(path.replace("/", "."))
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(locations[0]) if locations else None
