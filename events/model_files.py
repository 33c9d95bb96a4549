"""The 3D file an order carries between Shop and MES: how it is checked, stored, opened and handed out."""

import hashlib
import os
import re
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.http import FileResponse

from events.errors import DomainError
from events.model_kinds import FileTypeUnsupported, ModelKind, ModelUnreadable, sniff

__all__ = [
    "FileTooLarge",
    "FileTypeUnsupported",
    "ModelKind",
    "ModelUnreadable",
    "StoredModel",
    "download_response",
    "open_model",
    "sniff",
    "store",
]

_NAME_LENGTH = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileTooLarge(DomainError):
    """The file is larger than ``MODEL_MAX_MB`` mebibytes."""

    code = "file_too_large"
    status = 413


@dataclass(frozen=True)
class StoredModel:
    """A model kept in ``MODELS_ROOT``: the client's name for it, its size in bytes, SHA-256 (hex) and kind.

    Where it lies follows from what it holds, so equal files are kept once and no name a client gives ever
    becomes part of a path. Raises ``ValueError`` when the digest is none or the kind unknown.
    """

    name: str
    size: int
    sha256: str
    kind: ModelKind

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", ModelKind(self.kind))
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"not a SHA-256 digest: {self.sha256!r}")

    @property
    def path(self) -> str:
        """Where the file lies, relative to ``MODELS_ROOT``."""
        return f"{self.sha256[:2]}/{self.sha256}.{self.kind}"

    def to_json(self) -> dict[str, Any]:
        """The model as an event's payload carries it."""
        return {"name": self.name, "size": self.size, "sha256": self.sha256, "kind": str(self.kind)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "StoredModel":
        """The model a payload names. ``KeyError`` or ``ValueError`` when it is none of ours."""
        return cls(name=data["name"], size=data["size"], sha256=data["sha256"], kind=ModelKind(data["kind"]))


def store(upload: "File[bytes]") -> StoredModel:
    """Keeps an uploaded file under a name of ours; the same bytes again change nothing.

    Raises ``FileTooLarge``, ``FileTypeUnsupported`` or ``ModelUnreadable``. The file is on disk, whole and
    flushed, when this returns, so a transaction that commits its name never commits a lie; a file whose
    transaction rolls back stays behind unused.
    """
    size = upload.size
    if size > settings.MODEL_MAX_MB * 1024**2:
        raise FileTooLarge(f"The file is larger than {settings.MODEL_MAX_MB} MB.")
    kind = sniff(upload)
    root = Path(settings.MODELS_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=root, prefix="incoming-", delete=False) as copy:
        try:
            for chunk in upload.chunks():
                digest.update(chunk)
                copy.write(chunk)
            stored = StoredModel(_clean_name(upload.name, kind), size, digest.hexdigest(), kind)
            _keep(copy, root / stored.path)
        finally:
            Path(copy.name).unlink(missing_ok=True)
    return stored


def _keep(copy: Any, target: Path) -> None:
    """Gives the finished copy its final name: it appears whole or not at all, and never replaces a file."""
    if target.exists():
        return
    copy.flush()
    os.fchmod(copy.fileno(), 0o444)
    os.fsync(copy.fileno())
    target.parent.mkdir(exist_ok=True)
    Path(copy.name).replace(target)
    # A name is on disk when its directory is, and so is the directory's own.
    for directory in (target.parent, target.parent.parent):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clean_name(name: str | None, kind: ModelKind) -> str:
    """The client's own file name, fit to be shown and to be downloaded as: the last part of the path, without
    control or formatting characters, at most 100 long, with the extension of what the file really is."""
    last = re.split(r"[/\\]", name or "")[-1]
    printable = "".join(char for char in last if unicodedata.category(char)[0] != "C")
    stem, suffix = re.sub(r"\s+", " ", unicodedata.normalize("NFC", printable)).strip(), f".{kind}"
    if stem.lower().endswith(suffix):
        stem, suffix = stem[: -len(suffix)], stem[-len(suffix) :]
    return (stem.strip(" .")[: _NAME_LENGTH - len(suffix)] or "model") + suffix


def open_model(model: StoredModel) -> BinaryIO:
    """The stored file, open for reading. Raises ``FileNotFoundError`` when it is not there."""
    return (Path(settings.MODELS_ROOT) / model.path).open("rb")


def download_response(model: StoredModel) -> FileResponse:
    """The stored file as a download: never shown inline, never guessed to be another type, never run."""
    return FileResponse(
        open_model(model),
        as_attachment=True,
        filename=model.name,
        content_type=model.kind.media_type,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private",
        },
    )
