"""A plugin of pytest that keeps a few groups of golden cases, spread over all of them.

`run.py` uses it, since all cases take minutes. Groups that are long by the record are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECORD = Path(__file__).parents[1] / "golden" / "record" / "numpy.json"
MANY = 300  # evaluations of func: groups of cases with more, in the mean, take too long


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-sample", type=int, default=60)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    cases = json.loads(RECORD.read_text(encoding="utf-8"))["cases"]

    def is_quick(item: Any) -> bool:
        group = getattr(item, "callspec", None) and item.callspec.params.get("cases")
        counts = [cases[case.name].get("n_func", 0) for case in group or ()]
        return bool(counts) and sum(counts) <= MANY * len(counts)

    quick = [item for item in items if is_quick(item)]
    wanted = config.getoption("--golden-sample")
    items[:] = quick[:: max(1, len(quick) // wanted)][:wanted]
