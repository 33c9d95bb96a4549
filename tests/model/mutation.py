"""How is one safeguard taken out of the engine, and everything else left as it is?

A mutant is a change of text, of a Lua file or of a Python function; one that is no longer there
fails loudly.
"""

import inspect
import textwrap
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest.mock import patch

from tests.model.valkey import LUA, Edits
from tests.model.world import World


@dataclass(frozen=True)
class Change:
    """Text of a Lua file (``board_put.lua``), or of a Python function (``caching.relay:Relay.run_pass``), and
    what stands there instead. ``also`` are modules that have imported the function by name."""

    where: str
    old: str
    new: str
    also: tuple[str, ...] = ()

    def patches(self) -> list[Any]:
        """The patches of a change in Python."""
        module_name, path = self.where.split(":")
        *owners, name = path.split(".")
        module: Any = import_module(module_name)
        owner = module
        for part in owners:
            owner = getattr(owner, part)
        source = textwrap.dedent(inspect.getsource(getattr(owner, name)))
        if self.old not in source:
            raise LookupError(f"{self.where} no longer has this text: {self.old}")
        made: dict[str, Any] = {}
        exec(source.replace(self.old, self.new), vars(module), made)  # noqa: S102 - our own source
        places = [owner, *(import_module(other) for other in self.also)]
        return [patch.object(place, name, made[name]) for place in places]

    def edit(self) -> tuple[str, str, str]:
        """The edit of a change in Lua."""
        name = self.where.removesuffix(".lua")
        if self.old not in (LUA / self.where).read_text():
            raise LookupError(f"{self.where} no longer has this text: {self.old}")
        return name, self.old, self.new


@dataclass(frozen=True)
class Mutant:
    """The engine without one safeguard; ``lacks`` says what it no longer does."""

    name: str
    lacks: str
    changes: tuple[Change, ...]

    def world(self) -> World:
        """The model's world with this engine."""
        lua = [change for change in self.changes if change.where.endswith(".lua")]
        edits: Edits = tuple(change.edit() for change in lua)
        python = [change for change in self.changes if change not in lua]
        return World(edits, [made for change in python for made in change.patches()])
