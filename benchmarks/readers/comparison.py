"""Which files do we and the independent readers measure alike, and which not?"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.readers import apart, others, ours, volumes

#: Two volumes are the same when they differ by less than this part of the larger.
TOLERANCE = 1e-4
EXTENSIONS = {".stl", ".obj", ".ply", ".3mf", ".glb"}
_MOST_BYTES = 50_000_000
_THEIR_BYTES = 8 * 1024**3

Row = dict[str, Any]
Saying = Mapping[str, Any]


def models(folder: Path) -> list[Path]:
    """The 3D files below a folder, as far as we take files of their size."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in EXTENSIONS)
    return [path for path in found if path.is_file() and path.stat().st_size <= _MOST_BYTES]


def compared(folder: Path, record: Path) -> list[Row]:
    """A row for each file: what we say, and what others do.

    What others said is kept in ``record`` by the file's sha256, so that a second run asks only us. We are
    asked for all files before the others are imported: VTK would fill a part of our limit of memory.
    """
    kept: dict[str, Saying] = {}
    if record.exists():
        said = {row["sha256"]: row["theirs"] for row in json.loads(record.read_text())}
        # What was not installed then may be now.
        kept = {key: their for key, their in said.items() if "ModuleNotFound" not in their.get("refused", "")}
    rows: list[Row] = []
    ours.prepare()
    for number, path in enumerate(models(folder)):
        _tell("ours", number)
        kind = ours.kind_of(path) or path.suffix.lower()[1:]
        our = apart.call(partial(ours.measured, path))
        name, digest = str(path.relative_to(folder)), sha256(path.read_bytes()).hexdigest()
        rows.append({"file": name, "sha256": digest, "kind": kind, "ours": our})
    others.prepare()
    for number, row in enumerate(rows):
        _tell("theirs", number)
        row["theirs"] = kept.get(row["sha256"]) or apart.call(
            partial(_theirs, folder / row["file"], row["kind"]), most_bytes=_THEIR_BYTES
        )
        row["verdict"] = verdict(row["ours"], row["theirs"])
    record.write_text(json.dumps(rows, indent=1))
    return rows


def _tell(whose: str, number: int) -> None:
    if number % 100 == 0:
        print(f"{whose}: {number} files", file=sys.stderr)


def _theirs(path: Path, kind: str) -> Saying:
    try:
        return volumes.judged(others.read(path, kind))
    except others.Unread as error:
        return {"refused": str(error)}


def verdict(our: Saying, their: Saying) -> str:
    """One word of what the two sayings are to each other.

    ``union``: not the sum of all triangles, but what manifold3d makes of the bodies.
    """
    if "refused" in our:
        return "both refuse" if "refused" in their else "we refuse"
    if "refused" in their:
        return "they refuse"
    if any(_is_near(our["volume_mm3"], their.get(way)) for way in ("sum", "fan")):
        return "agreed"
    unions = (their.get(way) for way in ("union", "fan_union"))
    return "union" if any(_is_near(our["volume_mm3"], union) for union in unions) else "differing"


def _is_near(one: float, other: object) -> bool:
    """Whichever way a whole surface faces, it encloses as much."""
    if not isinstance(other, float):
        return False
    return abs(one - abs(other)) <= TOLERANCE * max(one, abs(other))


def report(rows: list[Row]) -> str:
    """The table by format, our refusals by reason, and each file that is not measured alike."""
    heads = ["agreed", "union", "differing", "we refuse", "they refuse", "both refuse"]
    lines = [
        *(
            f"Not installed: {name}; files that need it count as refused by them."
            for name in others.missing()
        ),
        "",
        f"| format | files | {' | '.join(heads)} |",
        "|---|" + "---:|" * (len(heads) + 1),
    ]
    for kind in [*sorted({row["kind"] for row in rows}), "all"]:
        of_kind = [row for row in rows if kind in ("all", row["kind"])]
        count = Counter(row["verdict"] for row in of_kind)
        lines.append(f"| {kind} | {len(of_kind)} | {' | '.join(str(count[head]) for head in heads)} |")
    return "\n".join([*lines, *_refusals(rows), *_listed(rows)]) + "\n"


def _refusals(rows: list[Row]) -> Iterable[str]:
    """Our refusals by reason, and how many of those files another reader finds closed."""
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if "refused" in row["ours"]:
            reasons.setdefault(re.sub(r"\d[\d,.]*\d|\d", "N", row["ours"]["refused"]), []).append(row)
    yield from ("", "| we refuse, because | files | of them closed to other readers |", "|---|---:|---:|")
    for reason, those in sorted(reasons.items(), key=lambda item: -len(item[1])):
        closed = sum(_is_closed(row["theirs"]) for row in those)
        yield f"| {reason} | {len(those)} | {closed} |"


def _is_closed(their: Saying) -> bool:
    """Every edge has a partner, and there is something inside."""
    return their.get("unpaired") == 0 and abs(their["sum"]) > 1e-9


def _listed(rows: list[Row]) -> Iterable[str]:
    yield from _section(rows, "Differing", lambda row: row["verdict"] == "differing")
    yield from _section(rows, "Equal to the union, not to the sum", lambda row: row["verdict"] == "union")
    yield from _section(
        rows,
        "Refused by us, closed to other readers",
        lambda row: "refused" in row["ours"] and _is_closed(row["theirs"]),
    )
    yield from _section(rows, "Refused by them, measured by us", lambda row: row["verdict"] == "they refuse")


def _section(rows: list[Row], title: str, belongs: Callable[[Row], bool]) -> Iterable[str]:
    those = [row for row in rows if belongs(row)]
    yield from ("", f"## {title}: {len(those)}", "")
    if those:
        yield from ("| file | ours | their sum | union | open edges |", "|---|---:|---:|---:|---:|")
    for row in those:
        our, their = row["ours"], row["theirs"]
        own = our.get("refused") or _figure(our["volume_mm3"])
        sums = their.get("refused") or _figure(their["sum"])
        union = _figure(their.get("union", "-"))
        yield f"| {row['file']} | {own} | {sums} | {union} | {their.get('unpaired', '-')} |"


def _figure(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
