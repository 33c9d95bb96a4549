"""Which parts of a slicer's 3MF project are metal, and which only tell the slicer what to do?

Slicers save their projects as 3MF and write beside the model, each in its own way, that a mesh is no part of
it: where another print setting holds (modifier), where supports may not stand (blocker), what is to be cut
out of the other parts (negative volume). What is only a setting is left out; to cut is the slicer's work, so
a project that asks for it is refused.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Ints
from mes.geometry.threemf_package import Package, xml_parser

# PrusaSlicer, SuperSlicer, and Slic3r before them.
_PRUSA_CONFIG = "/Metadata/Slic3r_PE_model.config"
# Bambu Studio, OrcaSlicer and the many programs made from it.
_BAMBU_CONFIG = "/Metadata/model_settings.config"
_PARTS = {"ModelPart", "normal_part", "0"}
_SETTINGS = {
    "ParameterModifier", "modifier_part", "1",
    "SupportBlocker", "support_blocker",
    "SupportEnforcer", "support_enforcer",
}  # fmt: skip
#: Settings of Cura that make a mesh something else than a part.
CURA_SETTINGS = {"infill_mesh", "cutting_mesh", "anti_overhang_mesh", "support_mesh"}
_TRUE, _FALSE = {"true", "1"}, {"false", "0"}


@dataclass
class Volume:
    """A range of triangles of a mesh, both ends included, and what it is in the slicer's word."""

    first: int
    last: int
    kind: str


@dataclass
class _BambuPart:
    object_id: str
    kind: str


@dataclass
class Project:
    """What the slicers' configuration files say of the objects, by the ids these have in the start part."""

    volumes: dict[str, list[Volume]] = field(default_factory=dict)
    parts: dict[str, list[_BambuPart]] = field(default_factory=dict)

    def kind_of(self, object_id: str, component_id: str, position: int | None) -> str | None:
        """The word for a component of an object, None where the project has none.

        One mesh may serve for several parts, so the one at the component's ``position`` goes first.
        """
        parts = self.parts.get(object_id, [])
        if position is not None and position < len(parts) and parts[position].object_id == component_id:
            return parts[position].kind
        kinds = {part.kind for part in parts if part.object_id == component_id}
        if len(kinds) > 1:
            raise ValueError("one mesh is said to be several things")
        return kinds.pop() if kinds else None


def is_part(kind: str) -> bool:
    """Whether a slicer's word means a part to be made. Raises ``Unpriceable`` where it means neither that nor
    a mere setting."""
    if kind not in _PARTS | _SETTINGS:
        raise Unpriceable(
            f"The 3MF file is a slicer's project with a part of kind {kind[:40]!r}, which only the slicer "
            "can apply. Export the model from there as STL and send that."
        )
    return kind in _PARTS


def is_true(key: str, value: str) -> bool:
    """What a setting of Cura that is true or false says. Raises ``ValueError`` for anything else."""
    word = value.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError(f"{key} is neither true nor false")
    return word in _TRUE


def without_settings(faces: Ints, volumes: list[Volume]) -> Ints:
    """The triangles (m, 3) of those volumes that are parts; all of them where nothing else is said."""
    if not [volume for volume in volumes if not is_part(volume.kind)]:
        return faces
    is_kept = np.zeros(len(faces), dtype=bool)
    end = -1
    for volume in sorted(volumes, key=lambda volume: volume.first):
        if not end + 1 == volume.first <= volume.last < len(faces):
            raise ValueError("the project's volumes do not fit the mesh")
        end = volume.last
        is_kept[volume.first : end + 1] = is_part(volume.kind)
    if end != len(faces) - 1:
        raise ValueError("the project's volumes do not cover the mesh")
    return faces[is_kept]


def read_project(package: Package) -> Project:
    """What the package's configuration files say; a plain 3MF has none."""
    project = Project()
    if _PRUSA_CONFIG in package:
        _read_config(package, _PRUSA_CONFIG, _PrusaConfig(project))
    if _BAMBU_CONFIG in package:
        _read_config(package, _BAMBU_CONFIG, _BambuConfig(project))
    return project


class _PrusaConfig:
    """``object id`` > ``volume firstid lastid`` > ``metadata key value``: all volumes of an object are one
    mesh, one after the other (PrusaSlicer, src/libslic3r/Format/3mf.cpp)."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._volumes: list[Volume] = []

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        if name == "object":
            self._volumes = self._project.volumes.setdefault(attributes["id"], [])
        elif name == "volume":
            self._volumes.append(Volume(int(attributes["firstid"]), int(attributes["lastid"]), "ModelPart"))
        elif name == "metadata" and attributes.get("type") == "volume":
            key, value = attributes.get("key"), attributes.get("value", "")
            # "modifier" is for older programs; "volume_type", which follows it, says the same or more.
            if key == "volume_type" or (key == "modifier" and value == "1"):
                self._volumes[-1].kind = value


class _BambuConfig:
    """``object id`` > ``part id subtype``: each part is a component of its object, with the same id
    (Bambu Studio, src/libslic3r/Format/bbs_3mf.cpp)."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._parts: list[_BambuPart] = []

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        if name == "object":
            self._parts = self._project.parts.setdefault(attributes["id"], [])
        elif name == "part":
            self._parts.append(_BambuPart(attributes["id"], attributes.get("subtype") or "normal_part"))
        elif name == "metadata" and attributes.get("key") in ("part_type", "volume_type") and self._parts:
            self._parts[-1].kind = attributes["value"]


def _read_config(package: Package, name: str, config: _PrusaConfig | _BambuConfig) -> None:
    parser = xml_parser()
    parser.StartElementHandler = config.start
    with package.open(name) as file:
        parser.ParseFile(file)
