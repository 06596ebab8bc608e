"""Every test of this package leaves the descriptors as it found them."""

from __future__ import annotations

from tests.net.conftest import loops_have_run, no_descriptor_leaks

__all__ = ["loops_have_run", "no_descriptor_leaks"]
