"""``python -m benchmarks.programs MODULE:FUNCTION JSON``: call one contestant and print what it measured as JSON."""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    function = getattr(importlib.import_module(f"benchmarks.programs.{module}"), name)
    json.dump(function(**json.loads(sys.argv[2])), sys.stdout)


main()
