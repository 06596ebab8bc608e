"""``setlocale``."""

from __future__ import annotations

import locale
import threading

import pytest

from transfer.ftp import setlocale


def test_the_locale_is_set_for_a_block() -> None:
    before = locale.setlocale(locale.LC_ALL)
    with setlocale("C") as name:
        assert name == "C"
        assert locale.setlocale(locale.LC_ALL) == "C"

    assert locale.setlocale(locale.LC_ALL) == before


def test_the_old_one_comes_back_after_an_error() -> None:
    before = locale.setlocale(locale.LC_ALL)
    with pytest.raises(KeyError), setlocale("C"):
        raise KeyError
    with pytest.raises(locale.Error), setlocale("no_such.locale"):
        pass

    assert locale.setlocale(locale.LC_ALL) == before


def test_one_thread_at_a_time() -> None:
    inside = threading.Event()

    def enter() -> None:
        with setlocale("C"):
            inside.set()

    thread = threading.Thread(target=enter)
    with setlocale("C"):
        thread.start()
        assert not inside.wait(0.05)
    thread.join(10)

    assert inside.is_set()
