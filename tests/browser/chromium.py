"""Where is the browser that the tests and the screenshots use?"""

import shutil

#: The names it has on Debian, on Ubuntu and as Google ships it; .ci/run looks for the same.
NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "No chromium on PATH; on Debian: apt-get install chromium"


def chromium() -> str | None:
    """The first one on PATH; None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)
