"""Draw the pictures of docs/pictures anew: python tests/docs/refresh_pictures.py.

They are the pictures of docs/looking.md, of reports that the tests of pictures use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
# The same whenever it is drawn. The colours are those of the site.
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "checkgrad", "figure.figsize": (5.5, 4.0)}


def pictures() -> dict[str, tuple[Any, str]]:
    """Return a report and a kind of picture for each file."""
    sys.path.insert(0, str(ROOT / "tests" / "report"))
    import picture_cases

    return {
        "agreement": (picture_cases.wrong_array(), "agreement"),
        "image": (picture_cases.wrong_field(), "image"),
        "steps": (picture_cases.noise(), "steps"),
        "steps_at_a_kink": (picture_cases.kink(), "steps"),
        "taylor": (picture_cases.wrong_array(), "taylor"),
        "taylor_of_a_right_claim": (picture_cases.sampled(), "taylor"),
    }


def main() -> None:
    mpl.use("svg")
    mpl.rc_file(ROOT / "docs" / "matplotlibrc")
    mpl.rcParams.update(STYLE)
    PICTURES.mkdir(exist_ok=True)
    for name, (report, kind) in pictures().items():
        ax = report.plot(kind)
        ax.figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None})
        plt.close(ax.figure)


if __name__ == "__main__":
    main()
