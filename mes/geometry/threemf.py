"""Which meshes does a 3MF package place where?

The format: 3MF Core Specification 1.3 and Production Extension 1.2, https://github.com/3MFConsortium.
"""

from dataclasses import dataclass

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Part, check_amount, placed
from mes.geometry.threemf_model import ModelFile, ModelObject, Placing, refuse_extension
from mes.geometry.threemf_package import Package, part_name
from mes.geometry.threemf_projects import is_part, read_project, without_settings

_UNITS_MM = {
    "micron": 0.001,
    "millimeter": 1,
    "centimeter": 10,
    "inch": 25.4,
    "foot": 304.8,
    "meter": 1000,
}
# Aids of the printing process; they are not part of what is ordered.
_SUPPORTS = {"support", "solidsupport"}
# A surface need not enclose anything (4.1), and nothing is to be made of an "other" (3.4.3.1).
_NO_SOLIDS = {"surface", "other"}


def read_3mf(data: bytes) -> list[Part]:
    """What the package's build section places, in mm.

    Raises ``Unpriceable``, or whatever a damaged file makes the parsers raise.
    """
    return _Build(Package(data)).parts()


@dataclass(frozen=True)
class _Visit:
    """A placing on its way to be read: in which file it stands, what its assembly is moved by, the object id
    of its build item, how deep under that it is and its position among its assembly's components."""

    placing: Placing
    path: str
    outer: Floats
    item_id: str
    depth: int = 0
    position: int = 0


class _Build:
    """Walks from the build items through their components, in the order of the file."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._project = read_project(package)
        self._start = package.start_part()
        self._files: dict[str, ModelFile] = {}
        self._triangles = 0
        self._parts: list[Part] = []

    def parts(self) -> list[Part]:
        start = self._file(self._start)
        if start.unit not in _UNITS_MM:
            raise Unpriceable(f"The 3MF file is in a unit we don't know: {start.unit[:20]!r}.")
        to_mm = np.diag([_UNITS_MM[start.unit]] * 3 + [1.0])
        waiting = [_Visit(item, self._start, to_mm, item.object_id) for item in reversed(start.items)]
        visited = left_out = 0
        while waiting:
            visit = waiting.pop()
            # Counted here, where components that hold each other would go round for ever.
            visited += 1
            check_amount(self._triangles, visited)
            if visit.placing.is_left_out or (further := self._visited(visit)) is None:
                left_out += 1
            else:
                waiting.extend(reversed(further))
        if left_out and not self._parts:
            raise Unpriceable(
                "Nothing in the 3MF file is to be made: its parts are supports, settings of the slicer or "
                "marked as not to be printed."
            )
        return self._parts

    def _visited(self, visit: _Visit) -> list[_Visit] | None:
        """Takes the object's mesh and returns its components; None when it is no part of what is ordered."""
        placing = visit.placing
        if placing.path is not None and visit.path != self._start:
            raise ValueError("only the start part may name objects of other files")
        path = visit.path if placing.path is None else part_name(placing.path)
        found = self._file(path).objects[placing.object_id]
        if not self._is_made(found, visit):
            return None
        matrix = placing.matrix @ visit.outer
        self._take_mesh(found, placing.object_id, matrix)
        return [
            _Visit(component, path, matrix, visit.item_id, visit.depth + 1, position)
            for position, component in enumerate(found.components)
        ]

    def _is_made(self, found: ModelObject, visit: _Visit) -> bool:
        """Raises ``Unpriceable`` where the object has a shape that is not for us to know."""
        position = visit.position if visit.depth <= 1 else None
        kind = self._project.kind_of(visit.item_id, visit.placing.object_id, position)
        if found.is_left_out or (kind is not None and not is_part(kind)):
            return False
        if found.unread:
            refuse_extension(found.unread)
        if found.components and found.kind != "other":
            # The type is ignored on objects that have components (chapter 4).
            return True
        if found.kind in _NO_SOLIDS:
            raise Unpriceable(
                f"The 3MF file places an object of type {found.kind}, which is no solid. Export the model "
                "with objects of type model only."
            )
        if found.kind in _SUPPORTS:
            return False
        if not found.has_mesh and found.foreign:
            refuse_extension(found.foreign)
        if not found.has_mesh:
            raise ValueError("an object without a shape")
        return True

    def _take_mesh(self, found: ModelObject, object_id: str, matrix: Floats) -> None:
        faces = without_settings(found.faces, found.volumes + self._project.volumes.get(object_id, []))
        self._triangles += len(faces)
        check_amount(self._triangles, len(self._parts))
        if len(faces):
            self._parts.append(placed(Part(found.vertices, faces), matrix))

    def _file(self, path: str) -> ModelFile:
        if path not in self._files:
            with self._package.open(path) as file:
                self._files[path] = ModelFile(file)
            if self._files[path].unit != self._files[self._start].unit:
                raise Unpriceable("The 3MF file is damaged: its parts are in different units.")
        return self._files[path]
