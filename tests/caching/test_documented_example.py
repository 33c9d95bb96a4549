"""Does the example in docs/adding-a-cached-model.md work as it is written, in a new app?"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import embedded
from tests.caching.servers import environment_of_this_test

DOCUMENT = embedded.CHECKOUT / "docs" / "adding-a-cached-model.md"
SETTINGS = 'from config.settings import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, "shipping"]\n'


@pytest.mark.django_db(transaction=True)
def test_the_documented_example_works_as_it_is_written(tmp_path: Path) -> None:
    app = tmp_path / "shipping"
    app.mkdir()
    (app / "__init__.py").touch()
    files = re.findall(r"```python\n# shipping/(\w+\.py)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert [name for name, _code in files] == ["models.py", "caches.py", "views.py"]
    for name, code in files:
        (app / name).write_text(code)
    (tmp_path / "shipping_settings.py").write_text(SETTINGS)

    run = subprocess.run(
        [sys.executable, "-m", "tests.caching.documented_example"],
        env={
            **environment_of_this_test(),
            "DJANGO_SETTINGS_MODULE": "shipping_settings",
            "PYTHONPATH": f"{tmp_path}:{embedded.CHECKOUT}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
