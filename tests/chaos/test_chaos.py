"""Does the site keep its promises while processes are killed, emptied and failed over? `make chaos`, short.

A run has servers of its own, PostgreSQL included: it is killed too.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from config import embedded
from tests.config import neighbours

FAULTS = ("relay-killed", "postgres-killed", "failover", "flushed")

ARGUMENTS = (
    *("--minutes", "0.5", "--seed", "5", "--faults", ",".join(FAULTS)),
    *("--calm", "0.4", "--orders", "6", "--interval", "1.5"),
)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What a run of some seconds says."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        data = Path(folder)
        run = subprocess.run(
            [sys.executable, "-m", "tests.chaos", *ARGUMENTS],
            cwd=embedded.CHECKOUT,
            env=neighbours.environment(data),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        path = data / "report" / "report.json"
        assert path.exists(), run.stdout
        assert neighbours.is_deserted(data)
        assert "<svg" in path.with_suffix(".svg").read_text()
        told: dict[str, Any] = json.loads(path.read_text())
        assert run.returncode == 0, path.with_suffix(".txt").read_text()
        return told


@pytest.mark.slow
def test_every_promise_is_kept_and_was_put_to_the_test(report: dict[str, Any]) -> None:
    assert report["clean"]
    assert [finding for finding in report["findings"] if finding["broken"] or not finding["tried"]] == []


@pytest.mark.slow
def test_the_load_was_there_and_each_fault_happened(report: dict[str, Any]) -> None:
    figures = report["figures"]
    assert figures["reads_by_source"]["hit"] > 500
    assert figures["reads_by_source"]["bypass"] > 0
    assert sum(figures["rights_taken"].values()) > 0
    assert figures["claims"]["200"] > 0
    assert sum(figures["claims"].values()) > figures["claims"]["200"]
    assert set(figures["writes_acknowledged"]) == {"http", "orm", "psql", "bulk", "killed"}
    assert set(FAULTS) <= figures["faults"].keys()
