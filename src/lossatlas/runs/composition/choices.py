"""Choices of a group, and which of them a recorded configuration is, however it was asked for."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lossatlas.runs.composition.overrides import Overrides
from lossatlas.runs.composition.search_path import config_folders
from lossatlas.runs.store.fingerprint import OBSERVERS, no_result_changes
from lossatlas.runs.store.index import Settings, comparable, flatten


def groups() -> list[str]:
    """The groups of the search path, as sections of a configuration: "model", "study.push"."""
    found = {
        path.parent.relative_to(folder) for folder in config_folders() for path in folder.rglob("*.yaml")
    }
    return sorted(".".join(path.parts) for path in found if path.parts)


class Group:
    """A group of choices, by the section of a configuration that it sets.

    >>> mlp = Group("model").settings("mlp")
    >>> mlp["model"], mlp["model.batch_norm"], mlp["model.classes"]  # the last follows from the data
    ('lossatlas.models.MLP', 'False', None)
    """

    def __init__(self, section: str) -> None:
        self.section = section
        self._path = Path(*section.split("."))
        self._settings: dict[str, dict[str, str | None]] = {}

    @cached_property
    def options(self) -> dict[str, Path]:
        """The choices and their files; as for Hydra, the package's own come before others of the same name."""
        files = [
            path for folder in reversed(config_folders()) for path in (folder / self._path).glob("*.yaml")
        ]
        return {path.stem: path for path in files}

    @cached_property
    def _within(self) -> list[str]:
        """Sections of the groups within this one."""
        return [section for section in groups() if section.startswith(f"{self.section}.")]

    def settings(self, choice: str) -> dict[str, str | None]:
        """What a choice sets of its section, flat; None for what follows from other keys, or has to be given."""
        if choice not in self._settings:
            leaves = flatten(self._node(choice), self.section) if choice in self.options else {}
            self._settings[choice] = {
                key: None if "${" in value or value == "???" else value for key, value in leaves.items()
            }
        return self._settings[choice]

    def _node(self, choice: str) -> Any:
        """Content of a choice's file below the section, after that of the choices of this group that it begins from."""
        path = self.options[choice]
        node: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        defaults = node.pop("defaults", ["_self_"]) if isinstance(node, dict) else []
        own = self._placed(node or {}, _package(path))
        merged: Any = OmegaConf.create()
        for default in defaults if "_self_" in defaults else [*defaults, "_self_"]:
            name = default.partition("@")[0] if isinstance(default, str) else ""
            part = own if default == "_self_" else self._node(name) if name in self.options else {}
            merged = OmegaConf.unsafe_merge(merged, part)
        return OmegaConf.to_container(merged, resolve=False)

    def _placed(self, node: Mapping[str, Any], package: str) -> Any:
        """What ``node``, of a file with that package, sets below the section."""
        if package == "_global_":
            for part in self.section.split("."):
                node = node.get(part, {})
            return node
        for part in reversed(package.removeprefix(self.section).strip(".").split(".")):
            node = {part: node} if part else node
        return node

    def is_choice(self, choice: str, settings: Settings, overrides: Sequence[str]) -> bool:
        """Whether a run with these ``settings``, launched with these ``overrides``, is of that choice.

        It is if the section is what the choice's file sets. Else, where keys of it were changed, it is if the choice
        was typed, or, where none was, if of the choices of the same ``_target_`` no other is nearer. Of a group whose
        choices have no section of their own, such as ``toy``, it is if it was typed.
        """
        typed = dict(Overrides(overrides).items())
        wanted = self.settings(choice)
        if choice in self.options and not wanted and _package(self.options[choice]) == "_global_":
            return typed.get(self.section) == choice
        own = {key: value for key, value in settings.items() if self._has(key)}
        is_exact = any(value is not None for value in wanted.values()) or not own
        if choice in self.options and is_exact and not self._differences(wanted, own):
            return True
        if self.section in typed:
            return typed[self.section] == choice and (
                choice not in self.options or self._has_target(wanted, own)
            )
        if f"{self.section}._target_" in typed and all(value is None for value in wanted.values()):
            return True  # a network of the user's own
        if not self._has_target(wanted, own):
            return False
        alike = [other for other in map(self.settings, self.options) if self._has_target(other, own)]
        return self._differences(wanted, own) == min(self._differences(other, own) for other in alike)

    def choice_of(self, settings: Settings, overrides: Sequence[str]) -> str:
        """The choice that a run is of: the one that was typed, else the first that it is of.

        Where it is none of them, what is made of the section, by its ``_target_``; nothing without such a section.
        """
        typed = dict(Overrides(overrides).items()).get(self.section)
        candidates = [*([typed] if typed in self.options else []), *sorted(self.options)]
        found = (choice for choice in candidates if choice and self.is_choice(choice, settings, overrides))
        return next(found, settings.get(self.section, ""))

    def why_not_told(self, choice: str) -> str | None:
        """Why records do not tell a choice from others: it sets what changes no result. None if they do."""
        wanted = self.settings(choice)
        if watching := [OBSERVERS[value] for value in wanted.values() if value in OBSERVERS]:
            return watching[0]
        told = {key: value for key, value in wanted.items() if no_result_changes(key) is None}
        for other in map(self.settings, self.options):
            differing = [key for key in {**wanted, **other} if wanted.get(key) != other.get(key)]
            if differing and all(key not in told for key in differing):
                return no_result_changes(differing[0])
        return None

    def _has(self, key: str) -> bool:
        within = key == self.section or key.startswith(f"{self.section}.")
        return within and not any(key == inner or key.startswith(f"{inner}.") for inner in self._within)

    def _has_target(self, wanted: Mapping[str, str | None], own: Settings) -> bool:
        """Whether what is made of a section is what a choice makes of it."""
        made = min((key for key, value in wanted.items() if value is not None), key=len, default="")
        return made in own and own[made] == wanted[made]

    def _differences(self, wanted: Mapping[str, str | None], own: Settings) -> int:
        """In how many keys a section is not as a choice has it."""
        told = sum(
            value is not None and comparable(own.get(key)) != comparable(value)
            for key, value in wanted.items()
            if self._has(key) and no_result_changes(key) is None
        )
        return told + len(own.keys() - wanted.keys())


def _package(path: Path) -> str:
    """Package that a file's first lines name, which says where what it sets lies; nothing if they name none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("# @package "):
            return line.removeprefix("# @package ").strip()
    return ""
