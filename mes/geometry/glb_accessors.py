"""Which numbers does an accessor of a GLB file stand for?

The format: glTF 2.0, 3.6.2 (accessors, sparse ones too), 3.7.3.3 (of skins) and KHR_mesh_quantization.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mes.geometry.glb_container import Glb, Json, refuse_unread, whole
from mes.geometry.parts import MAX_TRIANGLES, Floats, Ints, check_amount

_COMPONENTS: dict[int, np.dtype[Any]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_FLOAT = np.dtype("<f4")
_INDICES = {5121, 5123, 5125}
_JOINTS = {5121, 5123}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_Table = npt.NDArray[Any]


def positions(glb: Glb, index: Any) -> _Table:
    """An attribute's points (n, 3), as they are stored; ``as_floats`` makes numbers of them."""
    accessor = glb.item("accessors", index)
    component = accessor["componentType"]
    if accessor["type"] != "VEC3" or component == 5125 or (component != 5126 and not glb.is_quantized):
        raise ValueError("points are three floats, or quantized")
    return _table(glb, accessor)


def as_floats(glb: Glb, index: Any, stored: _Table) -> Floats:
    """Stored points as they are meant: normalized integers lie from -1 or 0 to 1 (3.6.2.2)."""
    values = stored.astype(np.float64)
    if not glb.item("accessors", index).get("normalized", False) or stored.dtype == _FLOAT:
        return values
    return np.maximum(values / np.iinfo(stored.dtype).max, -1)


def indices(glb: Glb, index: Any) -> Ints:
    """The points' rows that a primitive names, in order."""
    accessor = glb.item("accessors", index)
    if accessor["type"] != "SCALAR" or accessor["componentType"] not in _INDICES:
        raise ValueError("indices are whole numbers from 0")
    rows = _table(glb, accessor)[:, 0]
    if len(rows) and rows.max() == np.iinfo(rows.dtype).max:
        # It would start another primitive (3.7.2.1).
        raise ValueError("an index that may not be used")
    return rows.astype(np.int64)


def joint_rows(glb: Glb, index: Any) -> _Table:
    """For each point, four rows of its skin's list of joints (3.7.3.3)."""
    accessor = glb.item("accessors", index)
    if accessor["type"] != "VEC4" or accessor["componentType"] not in _JOINTS or accessor.get("normalized"):
        raise ValueError("joints are four whole numbers from 0")
    return _table(glb, accessor)


def joint_weights(glb: Glb, index: Any) -> _Table:
    """How much each of four joints moves a point, as it is stored; ``as_floats`` makes numbers of it."""
    accessor = glb.item("accessors", index)
    is_whole = accessor["componentType"] in _JOINTS and accessor.get("normalized", False)
    if accessor["type"] != "VEC4" or not (is_whole or accessor["componentType"] == 5126):
        raise ValueError("weights are four floats, or normalized")
    return _table(glb, accessor)


def matrices(glb: Glb, index: Any, count: int) -> Floats:
    """The first so many matrices (count, 4, 4). Written column by column for column vectors, they are for row
    vectors here."""
    accessor = glb.item("accessors", index)
    if accessor["type"] != "MAT4" or accessor["componentType"] != 5126:
        raise ValueError("matrices are of sixteen floats")
    found = _table(glb, accessor)[:count].astype(np.float64).reshape(-1, 4, 4)
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError("fewer matrices than there should be, or without numbers")
    return found


def _table(glb: Glb, accessor: Json) -> _Table:
    """All elements (count, width): zeros where there is no buffer view, replaced where it is sparse."""
    rows = whole(accessor["count"])
    # Three points a triangle; so that a few bytes of text don't ask for gigabytes of zeros.
    check_amount(rows // 3 if rows > 3 * MAX_TRIANGLES else 0, 0)
    dtype, width = _COMPONENTS[accessor["componentType"]], _WIDTHS[accessor["type"]]
    if rows and "bufferView" in accessor:
        table = _view(glb, accessor, accessor["bufferView"], rows, dtype, width)
    else:
        table = np.zeros((rows, width), dtype)
    if "sparse" in accessor:
        table = table.copy()
        _replace(glb, accessor["sparse"], table)
    return table


def _view(glb: Glb, place: Json, view_index: Any, rows: int, dtype: np.dtype[Any], width: int) -> _Table:
    """Elements of a buffer view, from ``place``'s offset on, one after the other or a stride apart."""
    view = glb.item("bufferViews", view_index)
    refuse_unread(view.get("extensions", {}))
    data = glb.buffer(whole(view["buffer"]))
    start, length = whole(view.get("byteOffset", 0)), whole(view["byteLength"])
    size = dtype.itemsize * width
    offset, stride = whole(place.get("byteOffset", 0)), whole(view.get("byteStride", size))
    last = offset + stride * (rows - 1) + size
    if start + length > len(data) or last > length or stride < size:
        raise ValueError("an accessor reaches out of its buffer")
    return np.ndarray((rows, width), dtype, data, start + offset, (stride, dtype.itemsize))


def _replace(glb: Glb, sparse: Json, table: _Table) -> None:
    """Puts a sparse accessor's values in their rows."""
    rows = whole(sparse["count"])
    places, values = sparse["indices"], sparse["values"]
    if places["componentType"] not in _INDICES:
        raise ValueError("indices are whole numbers from 0")
    places = _view(glb, places, places["bufferView"], rows, _COMPONENTS[places["componentType"]], 1)
    values = _view(glb, values, values["bufferView"], rows, table.dtype, table.shape[1])
    where = places[:, 0].astype(np.int64)
    if (np.diff(where) <= 0).any():
        raise ValueError("sparse values out of order")
    table[where] = values
