"""What solid is in this 3D file, and if none can be made of it, why?"""

import logging
from dataclasses import dataclass
from typing import BinaryIO

from events.model_files import ModelKind

logger = logging.getLogger(__name__)

#: Twice what a binary STL of 50 MB holds; measuring as many takes about 10 s and 1.2 GB.
MAX_TRIANGLES = 2_000_000
#: Meshes, their placings and separate bodies in one file.
MAX_PARTS = 2_000


class Unpriceable(Exception):
    """The model can't be priced; ``reason`` is a sentence for the client."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Solid:
    """What is to be made: volume in mm3, size along x, y and z in mm, and of how many bodies it is."""

    volume_mm3: float
    extents_mm: tuple[float, float, float]
    bodies: int


def measure(file: BinaryIO, kind: ModelKind) -> Solid:
    """The solid in an open model file. STL, OBJ and PLY carry no unit and are taken as millimetres.

    Raises ``Unpriceable``, whatever the file holds; only a file that can't be read from the disk raises
    ``OSError``, for that is no fault of the client's.
    """
    # Late, because numpy and trimesh cost 0.6 s and 35 MB that a process which never measures can do without.
    from mes.mesh_files import read_parts
    from mes.mesh_volume import solid_of

    data = file.read()
    try:
        return solid_of(read_parts(data, kind))
    except Unpriceable:
        raise
    except MemoryError as error:
        raise Unpriceable("The model is too detailed to measure. Export it with fewer triangles.") from error
    except Exception as error:
        # Parsers of other people's formats raise anything: KeyError, struct.error, RecursionError...
        logger.info("unreadable %s file: %r", kind, error)
        raise Unpriceable(f"The {kind.upper()} file is damaged: it can't be read as a 3D model.") from error
