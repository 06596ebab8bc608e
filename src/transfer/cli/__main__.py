"""``python -m transfer.cli``."""

from __future__ import annotations

from transfer.cli import main

main()
