"""Does `make clean` take all data away, and never from under somebody?"""

import shutil
import subprocess
import sys
from pathlib import Path

from config import embedded
from tests.config.neighbours import environment, is_deserted, user


def clean(checkout: Path) -> subprocess.CompletedProcess[str]:
    surroundings = environment(checkout)
    del surroundings["DATA_DIR"], surroundings["PYTHONPATH"]
    return subprocess.run(
        [sys.executable, "-m", "config.clean"],
        cwd=checkout,
        env=surroundings,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_clean_refuses_while_a_server_is_in_use_and_then_removes_everything(tmp_path: Path) -> None:
    shutil.copytree(embedded.CHECKOUT / "config", tmp_path / "config")
    data = tmp_path / ".data" / "test"
    with user(data, DATABASE_URL="postgresql://elsewhere/orders", PYTHONPATH=str(tmp_path)):
        refused = clean(tmp_path)
        assert refused.returncode == 1
        assert refused.stderr == "valkey of .data/test is in use: end `make run` or the tests first.\n"
    assert is_deserted(data)
    assert clean(tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"config"}
