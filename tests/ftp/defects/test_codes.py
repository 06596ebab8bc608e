"""Codes and masks that must not get lost."""

from __future__ import annotations

from typing import Any

import pytest

from transfer.ftp import Code, wrap_into_codes


@pytest.mark.parametrize("codes", [(Code("226"), "2xx"), ["226", Code("2xx")], iter((Code("226"), Code("2xx")))])
def test_defect_20_codes_that_are_codes_already_are_kept(codes: Any) -> None:
    """Guard: transfer.ftp._code:wrap_into_codes, which makes a Code of every item, whatever it is."""
    found = wrap_into_codes(codes)

    assert found == ("226", "2xx")
    assert all(type(code) is Code for code in found)
