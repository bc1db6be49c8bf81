"""From what a user types to the plain configurations of the jobs that it means."""

from pathlib import Path

import lossatlas

CONFIG_NAME = "train"


def config_folder() -> Path:
    """Folder of the YAML choices: the checkout's ``conf/``, or the copy that a wheel carries."""
    package = Path(lossatlas.__file__).parent
    checkout = package.parents[1] / "conf"
    return checkout if (checkout / f"{CONFIG_NAME}.yaml").exists() else package / "conf"
