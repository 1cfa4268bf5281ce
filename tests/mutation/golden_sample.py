"""A plugin of pytest that keeps a few of the golden cases, spread over all of them.

`run.py` uses it, since all cases take minutes. Cases that the record shows to be long are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RECORD = Path(__file__).parents[1] / "golden" / "record" / "numpy.json"
MANY = 400  # evaluations of func: cases with more take too long


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-sample", type=int, default=60)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    cases = json.loads(RECORD.read_text(encoding="utf-8"))["cases"]

    def is_quick(item: Any) -> bool:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        recorded = cases.get(getattr(case, "name", None))
        return recorded is not None and 0 < recorded.get("n_func", 0) <= MANY

    quick = [item for item in items if is_quick(item)]
    wanted = config.getoption("--golden-sample")
    items[:] = quick[:: max(1, len(quick) // wanted)][:wanted]
