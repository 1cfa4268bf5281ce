"""The versions that a report names."""

from __future__ import annotations

import checkgrad
from checkgrad.report.versions import own_version, versions


def test_own_version_is_that_of_the_package():
    assert own_version() == checkgrad.__version__
    assert versions("numpy")["checkgrad"] == checkgrad.__version__
