from __future__ import annotations

import copy
import pickle

import pytest

from transfer.ftp._code import Code, wrap_into_codes


@pytest.mark.parametrize("mask", ["226", "22x", "2xx", "xxx", "2", "", "2*6", "226x"])
def test_a_mask_matches_digit_by_digit(mask: str) -> None:
    assert Code("226").matches(mask)


@pytest.mark.parametrize("mask", ["225", "3xx", "x3x", "5", "2x7"])
def test_a_digit_that_differs_is_no_match(mask: str) -> None:
    assert not Code("226").matches(mask)


def test_a_code_is_text() -> None:
    code = Code("226")
    assert code == "226"
    assert hash(code) == hash("226")
    assert copy.deepcopy(code) == pickle.loads(pickle.dumps(code)) == code
    assert type(pickle.loads(pickle.dumps(code))) is Code


def test_codes_are_wrapped_one_or_many() -> None:
    assert wrap_into_codes("2xx") == ("2xx",)
    assert wrap_into_codes(["226", Code("250")]) == ("226", "250")
    assert wrap_into_codes(()) == ()
    assert all(type(code) is Code for code in wrap_into_codes(iter(["226", Code("250")])))
