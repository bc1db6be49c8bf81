"""The run store: a folder of runs, each in a folder named by its fingerprint."""

import csv
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import yaml

from lossatlas import __version__, interruption
from lossatlas.files import remove_leftovers, replacing, set_aside, sha256, write_json, write_text
from lossatlas.runs.store.manifest import Manifest, RecordRefused, StoreError, written_by_newer
from lossatlas.runs.store.signature import is_signed, signature
from lossatlas.runs.store.state_dicts import load_tensors

if TYPE_CHECKING:  # listing runs does without them; they are imported where they are used
    import pandas as pd
    from torch import Tensor

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where it is built: the same values, several times as fast."""


def name_damage(path: Path, say: Callable[[str], None], remedy: str) -> None:
    """Say that ``path`` is missing or damaged, and what is done about it; set it aside if it is there."""
    if path.exists():
        say(f"{path}: damaged; set aside as {set_aside(path).name}, {remedy}")
    else:
        say(f"{path}: missing, {remedy}")


_WRITTEN_WITHOUT_LOCK = ("progress.json", "*.png", "*.pdf")


class Run:
    """The record of one run: ``<store>/<fingerprint>/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder = folder if folder.name not in ("", "..") else folder.resolve()
        self.manifest_path = folder / "manifest.json"
        self.config_path = folder / "config.yaml"
        self.weights_path = folder / "weights.safetensors"
        self.history_path = folder / "history.csv"
        self.checkpoint_path = folder / "checkpoint.ckpt"
        self.progress_path = folder / "progress.json"
        self.lock_path = folder / "lock"
        self.holder_path = folder / "lock.holder"
        self.snapshots = folder / "snapshots"
        self.member_folder = folder / "members"
        self.landscapes = folder / "landscapes"

    @property
    def fingerprint(self) -> str:
        """Name of the run's folder."""
        return self.folder.name

    def __repr__(self) -> str:
        return f"Run({self.fingerprint})"

    # Reading

    def manifest(self) -> Manifest | None:
        """Manifest, or None if the run was never started.

        `StoreError` if it cannot be read or is damaged; `RecordRefused` if it is whole, but written by a newer version,
        another run's, or names files outside the run's folder.
        """
        value = self._whole_manifest()
        if value is None:
            return None
        try:
            manifest = Manifest.from_json(value)
        except (ValueError, TypeError) as error:
            newer = written_by_newer(value)
            told = (
                f"written by lossatlas {newer}, newer than this {__version__}" if newer else "cannot be used"
            )
            raise RecordRefused(f"{self.manifest_path}: {told} ({error})") from error
        if manifest.fingerprint != self.fingerprint:
            raise RecordRefused(
                f"{self.manifest_path}: is that of run {manifest.fingerprint}, which belongs in a folder of that name; "
                "move the folder there, or remove it"
            )
        return manifest

    def _whole_manifest(self) -> dict[str, Any] | None:
        """What the manifest holds, after its checksum; None if there is none. `StoreError` if it is damaged."""
        try:
            value = json.loads(self.manifest_path.read_bytes())
            if value.pop("checksum", None) != _checksum(value):
                raise ValueError("its checksum is wrong")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.manifest_path}: cannot be read ({error.strerror})") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise StoreError(f"{self.manifest_path}: damaged ({error})") from error
        return value

    def is_signed(self) -> bool:
        """Whether this installation has written the manifest.

        False also of what an installation wrote that had no key to sign with, as earlier versions had none.
        """
        try:
            manifest = self.manifest()
        except StoreError:
            return False
        return manifest is not None and is_signed(_signed(manifest), manifest.signature)

    def is_own(self) -> bool:
        """Whether this installation has computed the run, which is finished, from the configuration that is there."""
        manifest = self.manifest() if self.is_signed() else None
        return manifest is not None and self.is_intact(
            self.config_path, manifest.files_sha256.get(self.config_path.name)
        )

    def config(self) -> dict[str, Any]:
        """Resolved configuration that the run was computed from."""
        return yaml.load(self.config_path.read_text(encoding="utf-8"), _YAML_LOADER)

    def state(self) -> dict[str, "Tensor"]:
        """Final parameters and buffers of the network. `StoreError` if the file is damaged."""
        return load_tensors(self.weights_path)

    def snapshot(self, epoch: int) -> dict[str, "Tensor"]:
        """Parameters and buffers after ``epoch`` epochs, if ``study.snapshot_epochs`` named it."""
        return load_tensors(self.snapshot_path(epoch))

    def snapshot_path(self, epoch: int) -> Path:
        """Where the weights after ``epoch`` epochs lie."""
        return self.snapshots / f"epoch-{epoch:04d}.safetensors"

    def members(self) -> dict[int, dict[str, "Tensor"]]:
        """Parameters and buffers of all members that the run has kept, by number.

        `StoreError` if a file is damaged.
        """
        manifest = self.manifest()
        return {} if manifest is None else {m.number: self.member(m.number) for m in manifest.members}

    def member(self, number: int) -> dict[str, "Tensor"]:
        """Parameters and buffers of one member. `StoreError` if its file is missing or damaged."""
        return load_tensors(self.member_path(number))

    def member_path(self, number: int) -> Path:
        """Where the weights of a member lie."""
        return self.member_folder / f"member-{number:03d}.safetensors"

    def name_of(self, path: Path) -> str:
        """Name of one of the run's files in its manifest."""
        return path.relative_to(self.folder).as_posix()

    def history(self) -> "pd.DataFrame":
        """One row an epoch, from row 0, the initialisation."""
        import pandas as pd

        # As text first: pandas 2 rounds the numbers that it reads itself, pandas 3 warns of being told not to.
        table = pd.read_csv(self.history_path, dtype=str).astype(float)
        return table.astype({"epoch": int, "step": int}).set_index("epoch")

    def is_finished(self) -> bool:
        """Whether the run is finished and its files are those that it was finished with."""
        try:
            manifest = self.manifest()
        except StoreError:
            return False
        return manifest is not None and manifest.status == "finished" and not self.damaged_files(manifest)

    def damaged_files(self, manifest: Manifest) -> list[Path]:
        """Those of a finished run's files that are missing or not what was written."""
        hashes = {
            "weights.safetensors": manifest.weights_sha256,
            **manifest.files_sha256,
            **{member.file: member.sha256 for member in manifest.members},
        }
        return [
            path
            for name, expected in hashes.items()
            for path in [self.folder / name]
            if not self.is_intact(path, expected)
        ]

    def is_intact(self, path: Path, expected: str | None) -> bool:
        """Whether the file is there with that SHA-256. `StoreError` if it cannot be read."""
        try:
            return sha256(path) == expected
        except (FileNotFoundError, IsADirectoryError):
            return False
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from error

    # Writing

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest, which ends with a checksum: nothing else would tell a wrong number in it."""
        value = {**manifest.to_json(), "signature": signature(_signed(manifest))}
        write_json(self.manifest_path, {**value, "checksum": _checksum(value)})

    def write_config(self, config: dict[str, Any]) -> None:
        """Record the configuration."""
        write_text(self.config_path, yaml.safe_dump(config, sort_keys=False))

    def write_tensors(self, path: Path, state: dict[str, "Tensor"]) -> None:
        """Write named tensors as safetensors."""
        from safetensors.torch import save_file

        with replacing(path) as temporary:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, temporary)

    def write_history(self, rows: list[dict[str, float]]) -> None:
        """Write the history as CSV; numbers keep every digit."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with replacing(self.history_path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)

    def remove_leftovers(self) -> None:
        """Remove what killed processes left half-written; for the holder of the lock."""
        for folder in (
            *(self.folder, self.snapshots, self.member_folder, self.landscapes),
            *self.landscapes.glob("epoch-*"),
        ):
            remove_leftovers(folder, keep=_WRITTEN_WITHOUT_LOCK)

    def set_damage_aside(self, say: Callable[[str], None]) -> None:
        """Rename the damaged files of this run, and say so, so that they are computed again."""
        try:
            manifest = self.manifest()
        except RecordRefused:
            raise
        except StoreError as error:
            if not os.access(self.manifest_path, os.R_OK):
                raise
            say(f"{error}; set aside as {set_aside(self.manifest_path).name}")
            return
        if manifest is None or manifest.status != "finished":
            return
        for path in self.damaged_files(manifest):
            name_damage(path, say, "computing it again")

    # Locking

    @contextmanager
    def lock(self, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the run's lock; while another process has it, wait and say for whom.

        `StoreError` if the folder cannot be used.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check_lock()
            lock = self._acquire(say)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be used ({error.strerror})") from error
        try:
            yield
        finally:
            lock.release()

    def _acquire(self, say: Callable[[str], None]) -> filelock.BaseFileLock:
        lock = filelock.FileLock(self.lock_path)
        waiting = False
        while True:
            try:
                lock.acquire(timeout=0.5)
                break
            except filelock.Timeout:
                interruption.raise_if_requested("stopped while waiting for another process")
                if not waiting:
                    waiting = True
                    say(f"{self.fingerprint}: waiting for {self._holder()}, which computes it")
        with replacing(self.holder_path, sync=False) as temporary:
            temporary.write_text(f"{os.getpid()} {socket.gethostname()}", encoding="utf-8")
        return lock

    def is_locked(self) -> bool:
        """Whether some process holds the run's lock just now."""
        if not self.lock_path.exists():
            return False
        self._check_lock()
        lock = filelock.FileLock(self.lock_path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        except OSError:  # nobody who may not write there holds it
            return False
        lock.release()
        return False

    def _check_lock(self) -> None:
        """`StoreError` if the lock is a link: opening it empties the file that it leads to."""
        if self.lock_path.is_symlink():
            raise StoreError(f"{self.lock_path}: is a link, which a lock never is; remove it")

    def check_contained(self) -> None:
        """`StoreError` if a link in a folder that this installation has not written leads out of it.

        What is written to the run would be written there.
        """
        if self.is_signed():
            return
        within = self.folder.resolve()
        for folder, folders, files in os.walk(self.folder):
            for path in (Path(folder, name) for name in (*folders, *files)):
                if path.is_symlink() and not path.resolve().is_relative_to(within):
                    raise StoreError(
                        f"{path}: a link that leads out of the run's folder, which was written elsewhere; remove it"
                    )

    def _holder(self) -> str:
        try:
            pid, host = self.holder_path.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return "another process"
        return f"process {pid}" + ("" if host == socket.gethostname() else f" on {host}")


class Store:
    """A folder of runs. Nothing else is shared between the processes that use it."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def run(self, fingerprint: str) -> Run:
        """Handle of the run with that fingerprint, whether or not it was started."""
        return Run(self.root / fingerprint)

    def runs(self) -> list[Run]:
        """All runs that were started, oldest first. `StoreError` if the folder cannot be read."""
        return sorted(map(self.run, self.fingerprints()), key=_created)

    def fingerprints(self) -> list[str]:
        """Names of all runs that were started, sorted. `StoreError` if the folder cannot be read."""
        try:
            with os.scandir(self.root) as entries:
                names = [entry.name for entry in entries]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.root}: cannot be read ({error.strerror})") from error
        return sorted(name for name in names if os.path.exists(f"{self.root}/{name}/manifest.json"))


def _created(run: Run) -> str:
    """When a run was first asked for; one whose manifest is damaged comes before all others."""
    try:
        manifest = run.manifest()
    except StoreError:
        return ""
    return manifest.created if manifest is not None else ""


def _checksum(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()


def _signed(manifest: Manifest) -> bytes:
    """What a signature is of: all of the manifest but itself."""
    return _canonical({**manifest.to_json(), "signature": None})


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
