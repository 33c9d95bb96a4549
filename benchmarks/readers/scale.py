"""How many seconds and how much memory does measuring take, by format and number of triangles?"""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.readers import apart, ours

TRIANGLES = (10_000, 100_000, 1_000_000)
_RADIUS_MM = 10.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def report() -> str:
    """A Markdown table; each file is measured in a process of its own, its picture left out."""
    lines = [
        "| format | triangles | file, MB | processor, s | peak memory, MB | error of volume |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    ours.prepare()
    with TemporaryDirectory() as folder:
        for triangles in TRIANGLES:
            points, faces = ball(triangles)
            right = _volume(points, faces)
            for name, write in WRITERS.items():
                path = Path(folder, "model")
                path.write_bytes(write(points, faces))
                found = apart.call(partial(ours.measured, path))
                lines.append(_line(name, len(faces), path.stat().st_size, found, right))
    return "\n".join(lines)


def _line(name: str, triangles: int, size: int, found: dict[str, Any], right: float) -> str:
    volume = found.get("refused") or f"{found['volume_mm3'] / right - 1:+.1e}"
    return (
        f"| {name} | {triangles:,} | {size / 1e6:.1f} | {found['seconds']:.2f} "
        f"| {found['peak_bytes'] / 1e6:,.0f} | {volume} |"
    )


def ball(triangles: int) -> tuple[Floats, Ints]:
    """A closed ball of about so many triangles, by parallels and meridians, bumped like an orange."""
    rings = round((triangles / 4) ** 0.5)
    around = 2 * rings
    polar = np.linspace(0, np.pi, rings + 2)[1:-1, None]
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)[None, :]
    radius = _RADIUS_MM * (1 + 0.02 * np.sin(9 * polar) * np.cos(11 * turn))
    grid = np.stack(
        [np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar) + 0 * turn], -1
    )
    poles = [[0, 0, _RADIUS_MM], [0, 0, -_RADIUS_MM]]
    points = np.concatenate([(grid * radius[..., None]).reshape(-1, 3), poles]).astype(np.float32)
    number = np.arange(rings * around).reshape(rings, around)
    aside = np.roll(number, -1, axis=1)
    a, b, c, d = number[:-1].ravel(), number[1:].ravel(), aside[1:].ravel(), aside[:-1].ravel()
    north, south = np.full(around, len(points) - 2), np.full(around, len(points) - 1)
    faces = [
        np.stack([a, b, c], 1),
        np.stack([a, c, d], 1),
        np.stack([north, number[0], aside[0]], 1),
        np.stack([south, aside[-1], number[-1]], 1),
    ]
    return points.astype(np.float64), np.concatenate(faces)


def _volume(points: Floats, faces: Ints) -> float:
    a, b, c = (points[faces[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _text(line: str, rows: npt.NDArray[Any]) -> str:
    """One line of text for each row."""
    return (line * len(rows)) % tuple(rows.ravel().tolist())


def _stl(points: Floats, faces: Ints) -> bytes:
    facet = np.zeros(
        len(faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
    )
    facet["corners"] = points[faces]
    return b"\0" * 80 + np.uint32(len(faces)).tobytes() + facet.tobytes()


def _stl_ascii(points: Floats, faces: Ints) -> bytes:
    corner = "vertex %.9g %.9g %.9g\n"
    facet = f"facet normal 0 0 0\nouter loop\n{corner * 3}endloop\nendfacet\n"
    return f"solid ball\n{_text(facet, points[faces].reshape(-1, 9))}endsolid ball\n".encode()


def _obj(points: Floats, faces: Ints) -> bytes:
    return (_text("v %.9g %.9g %.9g\n", points) + _text("f %d %d %d\n", faces + 1)).encode()


def _ply_header(encoding: str, points: Floats, faces: Ints) -> str:
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    return (
        f"ply\nformat {encoding} 1.0\nelement vertex {len(points)}\n{axes}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )


def _ply(points: Floats, faces: Ints) -> bytes:
    face = np.zeros(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    face["count"], face["corners"] = 3, faces
    header = _ply_header("binary_little_endian", points, faces).encode()
    return header + points.astype("<f4").tobytes() + face.tobytes()


def _ply_ascii(points: Floats, faces: Ints) -> bytes:
    body = _text("%.9g %.9g %.9g\n", points) + _text("3 %d %d %d\n", faces)
    return (_ply_header("ascii", points, faces) + body).encode()


def _glb(points: Floats, faces: Ints) -> bytes:
    """In metres, as glTF is, through trimesh's writer."""
    import trimesh

    written = trimesh.Trimesh(points / 1000, faces, process=False).export(file_type="glb")
    assert isinstance(written, bytes)
    return written


def _threemf(points: Floats, faces: Ints) -> bytes:
    model = (
        '<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
        '<object id="1" type="model"><mesh><vertices>'
        + _text('<vertex x="%.9g" y="%.9g" z="%.9g"/>\n', points)
        + "</vertices><triangles>"
        + _text('<triangle v1="%d" v2="%d" v3="%d"/>\n', faces)
        + '</triangles></mesh></object></resources><build><item objectid="1"/></build></model>'
    )
    kinds = (
        "application/vnd.openxmlformats-package.relationships+xml",
        "application/vnd.ms-package.3dmanufacturing-3dmodel+xml",
    )
    types = "".join(
        f'<Default Extension="{end}" ContentType="{kind}"/>'
        for end, kind in zip(("rels", "model"), kinds, strict=True)
    )
    start = (
        '<Relationship Id="r" Target="/3D/3dmodel.model" '
        'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>'
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{types}</Types>')
        archive.writestr(
            "_rels/.rels", f'<Relationships xmlns="{package}/relationships">{start}</Relationships>'
        )
        archive.writestr("3D/3dmodel.model", model)
    return file.getvalue()


#: How each format writes points and triangles.
WRITERS: dict[str, Callable[[Floats, Ints], bytes]] = {
    "STL, binary": _stl,
    "STL, ASCII": _stl_ascii,
    "OBJ": _obj,
    "PLY, binary": _ply,
    "PLY, ASCII": _ply_ascii,
    "3MF": _threemf,
    "GLB": _glb,
}
