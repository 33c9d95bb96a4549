"""How is a 3MF package written? File by file, so that each may be wrong on purpose."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from mes.geometry.parts import Part

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
START_PART = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"

CORNERS = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
_QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TRIANGLES = [corners for a, b, c, d in _QUADS for corners in ((a, b, c), (a, c, d))]


def cubes_mesh(*sizes: float) -> str:
    """Cubes of these sizes in a row, as one mesh: twelve triangles each, one cube after the other."""
    points = [(size * x + 100 * n, size * y, size * z) for n, size in enumerate(sizes) for x, y, z in CORNERS]
    triangles = [[corner + 8 * n for corner in corners] for n in range(len(sizes)) for corners in TRIANGLES]
    return mesh(points, triangles)


def mesh(points: Sequence[Sequence[float]], triangles: Sequence[Sequence[int]]) -> str:
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in points)
    corners = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in triangles)
    return f"<mesh><vertices>{vertices}</vertices><triangles>{corners}</triangles></mesh>"


def cube(number: int, size: float = 10, more: str = "", inside: str = "") -> str:
    """An object that is a cube, with further attributes and elements."""
    return f'<object id="{number}" {more}>{inside}{cubes_mesh(size)}</object>'


def assembly(number: int, *components: str, more: str = "") -> str:
    """An object of components: an object's id or a component element each."""
    elements = [text if text.startswith("<") else f'<component objectid="{text}"/>' for text in components]
    return f'<object id="{number}" {more}><components>{"".join(elements)}</components></object>'


def model(resources: str, build: str = '<item objectid="1"/>', more: str = "") -> str:
    """The XML of a model part; ``more`` are attributes of its root, namespaces for example."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><model xmlns="{CORE}" xmlns:p="{PRODUCTION}" {more}>'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )


def relationships(*targets: str, more: str = "") -> str:
    """The package's relationships; these are start parts."""
    link = f'<Relationship Id="r{{}}" Target="{{}}" Type="{START_PART}" {more}/>'
    links = "".join(link.format(n, target) for n, target in enumerate(targets))
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="{namespace}">{links}</Relationships>'


def zipped(*entries: tuple[str, str | bytes]) -> bytes:
    """A zip of these names and contents, in this order."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return package.getvalue()


def package(start: str | bytes, **others: str) -> bytes:
    """A package with this start part, and further files by name."""
    links = relationships("/3D/3dmodel.model")
    return zipped(("_rels/.rels", links), ("3D/3dmodel.model", start), *others.items())


def volume(parts: list[Part]) -> float:
    """In mm3, to the sixth digit behind the point, positive where the triangles face outwards."""
    corners = [part.vertices[part.faces] for part in parts]
    signed = sum(float(np.einsum("ij,ij->", c[:, 0], np.cross(c[:, 1], c[:, 2]))) / 6 for c in corners)
    return round(signed, 6)
