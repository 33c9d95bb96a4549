"""How are the data of this checkout taken away, wherever they lie? Only while nobody uses them."""

import fcntl
import os
import shutil
import sys

from config import embedded

_FOLDERS = (".data/test", ".data")  # what `make test` and what everything else uses by default


def main() -> None:
    """Remove both data directories and what lies outside for them; refuse while a server is in use."""
    if given := os.environ.get("DATA_DIR"):
        sys.stderr.write(f"{given} (DATA_DIR in the environment) is left alone.\n")
    for folder in _FOLDERS:
        os.environ["DATA_DIR"] = folder
        for server in embedded.SERVERS.values():
            if server.lock("users", fcntl.LOCK_EX | fcntl.LOCK_NB) is None:
                sys.exit(f"{server.name} of {folder} is in use: end `make run` or the tests first.")
    for folder in _FOLDERS:
        os.environ["DATA_DIR"] = folder
        for place in (embedded.outside(), embedded.data_dir()):
            shutil.rmtree(place, ignore_errors=not place.exists())


if __name__ == "__main__":
    main()
