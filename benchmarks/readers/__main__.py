"""`python -m benchmarks.readers FOLDER` compares; `--scale` measures seconds and memory."""

import argparse
import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("SECRET_KEY", "bench")

import django

django.setup()

from benchmarks.readers import comparison, scale  # noqa: E402 - models need django.setup()

parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
parser.add_argument("folder", nargs="?", type=Path, help="where real 3D files lie, at any depth")
parser.add_argument("--record", type=Path, help="JSON of all answers (default: FOLDER/readers.json)")
parser.add_argument("--scale", action="store_true", help="seconds and memory by format and triangles")
chosen = parser.parse_args()
if chosen.scale:
    print(scale.report())
elif chosen.folder:
    rows = comparison.compared(chosen.folder, chosen.record or chosen.folder / "readers.json")
    print(comparison.report(rows))
else:
    parser.error("say a folder, or --scale")
