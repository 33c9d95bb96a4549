"""What does a model look like? A small picture."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from mes.geometry.parts import Floats, Part

SIZE = 192  # pixels, square
_OVER = 3  # each pixel is the mean of 3 x 3
_SAMPLES = 350_000
_MARGIN = 0.06
_THICKNESS = 0.03  # of the picture's side: nearer together, two points are one surface
_LIGHT = np.array([-0.35, 0.5, 0.79])
# 1/g and 1/g**2, where g**3 = g + 1.
_R2 = (0.7548776662466927, 0.5698402909980532)
# Looking down on the model from its front right, z up.
_TURN, _TILT = np.radians(-35), np.radians(-62)


def draw(parts: list[Part]) -> bytes:
    """A PNG with a transparent background; the model fills it. Empty when there is nothing to draw.

    No graphics library: points strewn evenly over the surface are projected without perspective, the nearest
    one decides its pixel (a depth buffer), its triangle's slope to the light how bright it is.
    """
    triangles = np.concatenate([part.vertices[part.faces] for part in parts if len(part.faces)])
    triangles = (triangles - triangles.mean(axis=(0, 1))) @ _camera().T
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    double_areas = np.linalg.norm(normals, axis=1)
    if not double_areas.sum() > 0:
        return b""
    points, owner = _strewn(triangles, double_areas)
    # Facing away is facing us: files turn their triangles either way.
    slope = np.abs(normals @ _LIGHT) / np.maximum(double_areas, 1e-300)
    side = SIZE * _OVER
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    scale = side * (1 - 2 * _MARGIN) / max(*(high - low), 1e-300)
    x, y = ((points[:, :2] - (low + high) / 2) * scale + side / 2).astype(np.int64).clip(0, side - 1).T
    depth = points[:, 2] * scale
    order = np.argsort(depth)  # the nearest is written last
    x, y, depth, owner = x[order], side - 1 - y[order], depth[order], owner[order]
    cover, seen, shade, nearest = (np.zeros((side, side)) for _ in range(4))
    cover[y, x] = 1
    # A far point that shines through between two near ones is not seen: it lies well behind its neighbours.
    nearest[y // _OVER, x // _OVER] = depth
    is_seen = depth > nearest[y // _OVER, x // _OVER] - _THICKNESS * side
    x, y, owner = x[is_seen], y[is_seen], owner[is_seen]
    shade[y, x], seen[y, x] = 0.18 + 0.82 * slope[owner] ** 1.5, 1
    # Points fall like rain: where the surface is whole, most of a pixel is wet, not all of it.
    return _png(_shrunk(shade) / np.maximum(_shrunk(seen), 1e-9), np.minimum(1.6 * _shrunk(cover), 1))


def _camera() -> Floats:
    cos, sin = np.cos, np.sin
    turn = np.array([[cos(_TURN), -sin(_TURN), 0], [sin(_TURN), cos(_TURN), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, cos(_TILT), -sin(_TILT)], [0, sin(_TILT), cos(_TILT)]])
    return np.asarray(tilt @ turn)


def _strewn(triangles: Floats, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Points on the surface, and which triangle each is of; more even than dice would strew them.

    Each triangle has a run of the R2 sequence (Roberts 2018, "The unreasonable effectiveness of quasirandom
    sequences"), folded where it falls into the other half of the parallelogram.
    """
    share = np.cumsum(weights) / weights.sum()
    row = np.arange(_SAMPLES)
    owner = np.searchsorted(share, (row + 0.5) / _SAMPLES).clip(0, len(triangles) - 1)
    u, v = (np.outer(_R2, row) % 1)[:, :, None]
    outside = u + v > 1
    u, v = np.where(outside, 1 - u, u), np.where(outside, 1 - v, v)
    a, b, c = triangles[owner].transpose(1, 0, 2)
    return a + u * (b - a) + v * (c - a), owner


def _shrunk(layer: Floats) -> Floats:
    return np.asarray(layer.reshape(SIZE, _OVER, SIZE, _OVER).mean(axis=(1, 3)))


def _png(grey: Floats, cover: Floats) -> bytes:
    """Grey with alpha, 8 bits each (PNG, ISO/IEC 15948)."""
    pixels = (np.stack([grey, cover], axis=2) * 255).round().clip(0, 255).astype(np.uint8)
    lines = np.concatenate([np.zeros((SIZE, 1), np.uint8), pixels.reshape(SIZE, -1)], axis=1)
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 4, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
