"""Is an uploaded model kept whole under a name of ours, and handed out only as a harmless download?"""

import hashlib
import io
import stat
import threading
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from events import model_files
from events.model_files import (
    FileTooLarge,
    FileTypeUnsupported,
    ModelKind,
    StoredModel,
    download_response,
    open_model,
    store,
)
from tests.solids import cube, cube_bytes


def kept(settings: Settings) -> list[Path]:
    return [path for path in Path(settings.MODELS_ROOT).rglob("*") if path.is_file()]


def test_a_model_is_kept_under_its_digest_with_the_extension_of_what_it_is(settings: Settings) -> None:
    digest = hashlib.sha256(cube_bytes()).hexdigest()
    stored = store(cube(name="my ring.stl"))

    assert stored == StoredModel("my ring.stl", len(cube_bytes()), digest, ModelKind.STL)
    assert stored.path == f"{digest[:2]}/{digest}.stl"
    assert kept(settings) == [Path(settings.MODELS_ROOT) / stored.path]
    with open_model(stored) as file:
        assert file.read() == cube_bytes()


def test_the_same_bytes_again_change_nothing(settings: Settings) -> None:
    first = store(cube(name="a.stl"))
    before = kept(settings)[0].stat()
    again = store(cube(name="b.stl"))

    assert (again.path, again.name) == (first.path, "b.stl")
    assert [path.stat() for path in kept(settings)] == [before]


def test_a_kept_file_can_be_read_by_all_and_written_by_none(settings: Settings) -> None:
    store(cube())

    assert stat.S_IMODE(kept(settings)[0].stat().st_mode) == 0o444


def test_the_same_model_sent_by_many_at_once_is_kept_once(settings: Settings) -> None:
    start = threading.Barrier(8)
    results: list[StoredModel] = []

    def send() -> None:
        upload = cube()
        start.wait()
        results.append(store(upload))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(results)) == 1
    assert len(results) == 8
    assert len(kept(settings)) == 1


def test_a_large_upload_is_read_from_its_temporary_file() -> None:
    upload = TemporaryUploadedFile("cube.stl", "model/stl", len(cube_bytes()), None)
    upload.write(cube_bytes())

    with open_model(store(upload)) as file:
        assert file.read() == cube_bytes()


def test_a_refused_upload_leaves_nothing_behind(settings: Settings) -> None:
    settings.MODEL_MAX_MB = 1
    with pytest.raises(FileTooLarge) as refused:
        store(SimpleUploadedFile("big.stl", bytes(1024**2 + 1)))
    assert (refused.value.status, refused.value.code) == (413, "file_too_large")
    assert refused.value.detail == "The file is larger than 1 MB."

    with pytest.raises(FileTypeUnsupported):
        store(SimpleUploadedFile("ring.stl", b"not a ring"))
    assert kept(settings) == []


def test_an_upload_that_breaks_off_leaves_nothing_behind(settings: Settings) -> None:
    class BreaksOff(SimpleUploadedFile):
        def chunks(self, chunk_size: int | None = None):  # type: ignore[no-untyped-def]
            yield cube_bytes()[:100]
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        store(BreaksOff("cube.stl", cube_bytes()))
    assert kept(settings) == []


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("ring.stl", "ring.stl"),
        ("Ring.STL", "Ring.STL"),
        ("ring.obj", "ring.obj.stl"),
        ("page.html", "page.html.stl"),
        ("кольцо.stl", "кольцо.stl"),
        ("  spread \t out .stl", "spread out.stl"),
        ("gpj.\u202estl.exe", "gpj.stl.exe.stl"),
        ("a" * 300 + ".stl", "a" * 96 + ".stl"),
        (".stl", "model.stl"),
        ("...", "model.stl"),
    ],
)
def test_a_client_s_name_is_cleaned_and_says_what_the_file_is(given_name: str, shown: str) -> None:
    assert store(cube(name=given_name)).name == shown


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "C:\\x\\ring.stl"])
def test_no_path_of_a_client_survives(name: str, settings: Settings) -> None:
    upload = cube()
    upload._name = name  # past what Django's own class would strip
    stored = store(upload)

    assert "/" not in stored.name
    assert "\\" not in stored.name
    assert kept(settings) == [Path(settings.MODELS_ROOT) / stored.path]


@given(st.text())
def test_any_name_becomes_one_that_fits_column_and_header(name: str) -> None:
    cleaned = model_files._clean_name(name, ModelKind.GLB)

    assert cleaned.lower().endswith(".glb")
    assert 5 <= len(cleaned) <= 100
    assert cleaned.isprintable()
    assert not set("/\\") & set(cleaned)
    cleaned.encode()


def test_a_model_travels_through_an_event_unchanged() -> None:
    stored = store(cube())

    assert StoredModel.from_json(stored.to_json()) == stored
    assert stored.to_json() == {
        "name": "cube.stl",
        "size": 684,
        "sha256": stored.sha256,
        "kind": "stl",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [("sha256", "../../../etc/passwd"), ("sha256", "A" * 64), ("sha256", "a" * 64 + "\n"), ("kind", "html")],
)
def test_a_payload_that_could_name_another_file_is_refused(field: str, value: str) -> None:
    data = {"name": "x.stl", "size": 1, "sha256": "a" * 64, "kind": "stl", field: value}
    with pytest.raises(ValueError, match="not a"):
        StoredModel.from_json(data)


@pytest.mark.django_db
def test_a_model_is_handed_out_as_a_download_and_never_shown() -> None:
    response = download_response(store(cube(name="кольцо 1.stl")))

    assert b"".join(response.streaming_content) == cube_bytes()  # type: ignore[arg-type]
    assert response["Content-Type"] == "model/stl"
    assert response["Content-Length"] == str(len(cube_bytes()))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Content-Disposition"] == (
        "attachment; filename*=utf-8''%D0%BA%D0%BE%D0%BB%D1%8C%D1%86%D0%BE%201.stl"
    )
    response.close()


def test_a_file_that_is_gone_is_an_error_of_ours() -> None:
    missing = StoredModel("x.stl", 1, "a" * 64, ModelKind.STL)
    with pytest.raises(FileNotFoundError):
        open_model(missing)


def test_a_plain_file_object_can_be_sniffed() -> None:
    assert model_files.sniff(io.BytesIO(cube_bytes())) == ModelKind.STL
