"""`make bench`: measures, prints one table and writes benchmarks/results.md."""

import argparse

from benchmarks import environment

environment.pin()
environment.prepare()

import django  # noqa: E402 - the settings read what was prepared

django.setup()

from benchmarks.report import main  # noqa: E402 - models need django.setup()

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("--orders", type=int, default=1_000_000, help="work orders in the table")
main(parser.parse_args().orders)
