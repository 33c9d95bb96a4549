"""Which triangles are in a model file, in millimetres?"""

from events.model_files import ModelKind
from mes.geometry.glb import read_glb
from mes.geometry.obj import read_obj
from mes.geometry.parts import Part
from mes.geometry.ply import read_ply
from mes.geometry.stl import read_stl
from mes.geometry.threemf import read_3mf

_READERS = {
    ModelKind.STL: read_stl,
    ModelKind.OBJ: read_obj,
    ModelKind.PLY: read_ply,
    ModelKind.THREEMF: read_3mf,
    ModelKind.GLB: read_glb,
}


def read_parts(data: bytes, kind: ModelKind) -> list[Part]:
    """The meshes of a file, placed. No file that it names (material, texture, buffer) is opened.

    Raises ``Unpriceable``, or whatever a damaged file makes its reader raise.
    """
    return _READERS[kind](data)
