"""What do we say of a file?"""

from io import BytesIO
from pathlib import Path
from typing import Any

from events.errors import DomainError
from events.model_files import sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here


def prepare() -> None:
    """Imports what measuring imports late, so that no file pays for it."""
    tetrahedron = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"
    measure_here(tetrahedron.encode(), sniff(BytesIO(tetrahedron.encode())))


def kind_of(path: Path) -> str:
    """The format by the file's bytes; empty where we take it for none."""
    with path.open("rb") as file:
        try:
            return str(sniff(file))
        except DomainError:
            return ""


def measured(path: Path) -> dict[str, Any]:
    """Volume in mm3, extents in mm and bodies; or the sentence that refuses the file."""
    data = path.read_bytes()
    try:
        solid = measure_here(data, sniff(BytesIO(data)))
    except (DomainError, Unpriceable) as error:
        return {"refused": str(error)}
    return {name: value for name, value in vars(solid).items() if name != "picture"}
