"""What objects does one XML file of a 3MF package define, and which of them does it build?

Read here and not by trimesh, which builds the whole XML tree first: 3 GB of memory for a file of 34 MB
(2 million triangles), against 0.3 GB here. The format: 3MF Core Specification 1.3, Production Extension 1.2,
Slice Extension 1.0, https://github.com/3MFConsortium.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Ints, check_amount
from mes.geometry.threemf_bulk import Run, parse
from mes.geometry.threemf_package import xml_parser
from mes.geometry.threemf_projects import CURA_SETTINGS, Volume, is_true

_MICROSOFT = "http://schemas.microsoft.com/3dmanufacturing/"
_CONSORTIUM = "http://schemas.3mf.io/3dmanufacturing/"
# The second is version 0.93, whose meshes are written alike.
_CORES = {_MICROSOFT + "core/2015/02", _MICROSOFT + "2013/01"}
_PRODUCTION = _MICROSOFT + "production/2015/06"
_ALTERNATIVES = _MICROSOFT + "production/alternatives/2021/04"
_SLIC3R = "http://schemas.slic3r.org/3mf/2017/06"
_CURA = "http://software.ultimaker.com/xml/cura/3mf/2015/10"
# Of these either all is read or what is not leaves the mesh as it is: colours, sets of triangles, slices (one
# may use the mesh instead of these: Slice Extension, chapter 1).
_READ = _CORES | {
    _PRODUCTION,
    _MICROSOFT + "slice/2015/07",
    _MICROSOFT + "material/2015/02",
    _MICROSOFT + "trianglesets/2021/07",
}
# Elements of extensions that give an object another shape than its mesh, required or not.
_SHAPES = {"beamlattice", "booleanshape", "displacementmesh", "levelset"}
# Extensions that do so by nothing but these. Programs require them of plain meshes too: what is built without
# such an element has the shape of its mesh.
_IN_OBJECTS = {
    _MICROSOFT + "beamlattice/2017/02",
    _MICROSOFT + "beamlattice/balls/2020/07",
    _CONSORTIUM + "booleanoperations/2023/07",
    # Earlier drafts move the triangles of the core's own mesh, by attributes.
    _CONSORTIUM + "displacement/2023/10",
}
_TYPES = {"model", "solidsupport", "support", "surface", "other"}
_IS_PRINTABLE = {"1": True, "true": True, "0": False, "false": False}


@dataclass
class Placing:
    """A build item or component: which object, moved by a matrix for row vectors.

    ``path`` names the part that has the object where it is another one than this (Production Extension, 3.1).
    ``is_left_out``: a slicer's mark that it is not to be printed, or only a setting.
    """

    path: str | None
    object_id: str
    matrix: Floats
    is_left_out: bool = False


@dataclass
class ModelObject:
    """A mesh, or components that are other objects.

    ``unread``: the extension that gives it a shape we can't read; ``foreign``: one that might, if there is no
    other. ``volumes``: what Slic3r says of its mesh.
    """

    kind: str
    points: "array[float]" = field(default_factory=lambda: array("d"))
    corners: "array[int]" = field(default_factory=lambda: array("q"))
    components: list[Placing] = field(default_factory=list)
    has_mesh: bool = False
    is_left_out: bool = False
    unread: str | None = None
    foreign: str | None = None
    volumes: list[Volume] = field(default_factory=list)

    @property
    def vertices(self) -> Floats:
        """The mesh's points (n, 3), in the file's unit."""
        return np.frombuffer(self.points, dtype=np.float64).reshape(-1, 3)

    @property
    def faces(self) -> Ints:
        """The mesh's triangles as three points' rows (m, 3)."""
        return np.frombuffer(self.corners, dtype=np.int64).reshape(-1, 3)


def refuse_extension(namespace: str) -> None:
    """Raises ``Unpriceable`` that names what we can't read."""
    name = namespace.removeprefix(_MICROSOFT).removeprefix(_CONSORTIUM)[:80]
    raise Unpriceable(
        f"The 3MF file uses the extension {name}, which we can't read. Export the model as a plain mesh."
    )


class ModelFile:
    """One XML file of the package, read as a stream. Raises ``Unpriceable``, or whatever expat raises."""

    def __init__(self, file: IO[bytes]) -> None:
        self.unit = "millimeter"
        self.objects: dict[str, ModelObject] = {}
        self.items: list[Placing] = []
        self._prefixes: dict[str | None, str] = {}
        self._core = ""
        # What metadata is about: the object or the build item it stands in.
        self._owner: ModelObject | Placing | None = None
        self._handlers: dict[str, Callable[[dict[str, str]], None]] = {}
        self._parser = xml_parser()
        self._parser.StartNamespaceDeclHandler = self._prefixes.setdefault
        self._parser.StartElementHandler = self._start_root
        self._run: Run | None = None
        parse(self._parser, file, lambda: self._run)

    def _start_root(self, name: str, attributes: dict[str, str]) -> None:
        self._core, _, tag = name.rpartition(" ")
        if tag != "model":
            raise ValueError("not a 3MF model")
        if self._core not in _CORES:
            refuse_extension(self._core)
        for prefix in attributes.get("requiredextensions", "").split():
            namespace = self._prefixes.get(prefix, prefix)
            if namespace not in _READ | _IN_OBJECTS:
                refuse_extension(namespace)
        self.unit = attributes.get("unit", self.unit)
        core = {
            "object": self._start_object,
            "mesh": self._start_mesh,
            "vertices": lambda _: self._start_run(self._an_object().points),
            "triangles": lambda _: self._start_run(self._an_object().corners),
            "component": self._start_component,
            "item": self._start_item,
            "metadata": lambda found: self._start_setting(found.get("name", "")),
        }
        self._handlers = {f"{self._core} {tag}": handler for tag, handler in core.items()} | {
            f"{_SLIC3R} volumes": lambda _: None,
            f"{_SLIC3R} volume": self._slic3r_volume,
            # Cura, before it followed the specification.
            f"{_CURA} settings": lambda _: None,
            f"{_CURA} setting": lambda found: self._start_setting(found.get("key", "")),
        }
        self._parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if handler := self._handlers.get(name):
            handler(attributes)
        elif not name.startswith(self._core):
            self._skip(name)

    def _start_object(self, attributes: dict[str, str]) -> None:
        found = ModelObject(attributes.get("type", "model"))
        if found.kind not in _TYPES or attributes["id"] in self.objects:
            raise ValueError("an object of unknown type, or two with one id")
        if attributes.get(f"{_ALTERNATIVES} modelresolution", "fullres") != "fullres":
            found.unread = _ALTERNATIVES
        self._owner = self.objects[attributes["id"]] = found
        check_amount(0, len(self.objects))

    def _start_mesh(self, _: dict[str, str]) -> None:
        found = self._an_object()
        if found.has_mesh:
            raise ValueError("an object with two meshes")
        found.has_mesh = True
        add_numbers, add_indices = found.points.extend, found.corners.extend

        # Millions of these: nothing is looked up in them that can be looked up here.
        def vertex(attributes: dict[str, str]) -> None:
            add_numbers((float(attributes["x"]), float(attributes["y"]), float(attributes["z"])))

        def triangle(attributes: dict[str, str]) -> None:
            add_indices((int(attributes["v1"]), int(attributes["v2"]), int(attributes["v3"])))

        self._handlers |= {f"{self._core} vertex": vertex, f"{self._core} triangle": triangle}

    def _start_run(self, numbers: "array[float] | array[int]") -> None:
        if numbers:
            raise ValueError("a mesh with two lists of points or triangles")
        dtype = np.float64 if numbers.typecode == "d" else np.int64
        self._run = Run(self._parser.CurrentByteIndex, dtype, numbers.frombytes)

    def _start_component(self, attributes: dict[str, str]) -> None:
        components = self._an_object().components
        components.append(_placing(attributes))
        check_amount(0, len(components))

    def _start_item(self, attributes: dict[str, str]) -> None:
        item = _placing(attributes)
        item.is_left_out = not _IS_PRINTABLE[attributes.get("printable", "1").strip()]
        self._owner = item
        self.items.append(item)
        check_amount(0, len(self.items))

    def _slic3r_volume(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("modifier", "0").strip()
        self._an_object().volumes.append(Volume(int(attributes["ts"]), int(attributes["te"]), kind))

    def _an_object(self) -> ModelObject:
        if not isinstance(self._owner, ModelObject):
            raise ValueError("a mesh, component or volume outside an object")
        return self._owner

    def _start_setting(self, name: str) -> None:
        """Reads the value of what may be a setting of Cura."""
        prefix, _, key = name.rpartition(":")
        owner = self._owner
        if owner is None or key not in CURA_SETTINGS:
            return
        if prefix not in ("", "cura") and self._prefixes.get(prefix) != _CURA:
            return
        text: list[str] = []

        def end(_: str) -> None:
            self._parser.CharacterDataHandler = self._parser.EndElementHandler = None
            owner.is_left_out |= is_true(key, "".join(text))

        self._parser.CharacterDataHandler, self._parser.EndElementHandler = text.append, end

    def _skip(self, name: str) -> None:
        """Passes over an element of an extension and all within it, even what looks like the core's own."""
        namespace, _, tag = name.rpartition(" ")
        if isinstance(self._owner, ModelObject):
            self._owner.foreign = namespace
            if tag in _SHAPES:
                self._owner.unread = namespace
        depth = 1

        def start(*_: object) -> None:
            nonlocal depth
            depth += 1

        def end(_: str) -> None:
            nonlocal depth
            depth -= 1
            if not depth:
                self._parser.StartElementHandler, self._parser.EndElementHandler = self._start, None

        self._parser.StartElementHandler, self._parser.EndElementHandler = start, end


def _placing(attributes: dict[str, str]) -> Placing:
    """Raises whatever a transform makes numpy raise that is not of twelve numbers."""
    matrix = np.eye(4)
    if numbers := attributes.get("transform", "").split():
        matrix[:, :3] = np.array(numbers, dtype=np.float64).reshape(4, 3)
    if not np.isfinite(matrix).all() or "path" in attributes:
        raise ValueError("a transform without numbers, or a path of no extension")
    return Placing(attributes.get(f"{_PRODUCTION} path"), attributes["objectid"], matrix)
