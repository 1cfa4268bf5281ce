"""The picture of the landing page: ``python tests/docs/refresh_landing.py`` draws it anew.

A central difference is off by its truncation at long steps and by rounding at short ones. How far,
and which step is best, differs from function to function. The picture shows the error of central
differences, and what checkgrad says of the same derivative, without a step to choose.
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import checkgrad

STATIC = Path(__file__).resolve().parents[2] / "docs" / "_static"
WIDE = np.longdouble
COLOURS = {  # of the text, the differences, a usual tolerance, and of checkgrad
    "light": ("#333333", "#8a8f98", "#d1495b", "#2a6fdb"),
    "dark": ("#d8d8d8", "#9aa0aa", "#ff7b8a", "#6fa8ff"),
}


def func(x):
    """A sum of terms of different scales, as they are in practice."""
    return np.sum(np.exp(np.sin(30 * x)) + 100 * x**2)


def grad(x):
    return 30 * np.cos(30 * x) * np.exp(np.sin(30 * x)) + 200 * x


def draw(theme: str) -> None:
    text, of_differences, of_wrong, ours = COLOURS[theme]
    x0 = np.array([0.7])
    exact = float(grad(x0.astype(WIDE))[0])
    steps = np.logspace(-14, -0.5, 400)
    errors = [abs((func(x0 + h) - func(x0 - h)) / (2 * h) - exact) / abs(exact) for h in steps]
    wrong = checkgrad.verify_grad(func, lambda x: 1.001 * grad(x), x0)
    uncertainty = wrong.mismatches[0].uncertainty / abs(exact)
    slip = abs(wrong.mismatches[0].claim / exact - 1)
    style = {
        "text.color": text,
        "axes.labelcolor": text,
        "axes.edgecolor": text,
        "xtick.color": text,
        "ytick.color": text,
        "font.size": 10,
        "svg.hashsalt": "checkgrad",  # the same picture gives the same file
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        axes.loglog(steps, np.maximum(errors, 1e-17), color=of_differences, lw=1)
        axes.axhline(slip, color=of_wrong, lw=1.5, ls="--")
        axes.axhline(uncertainty, color=ours, lw=2)
        axes.text(1e-11, slip * 1.8, "a claim that is off by 0.1%: wrong", color=of_wrong)
        axes.text(3e-14, uncertainty * 1.8, "uncertainty of checkgrad's estimate", color=ours)
        axes.text(2e-9, 1e-5, "error of a central difference", color=of_differences)
        axes.set(xlabel="step", ylabel="relative error", ylim=(1e-15, 1e2), xlim=(1e-14, 0.3))
        axes.spines[["top", "right"]].set_visible(False)
        path = STATIC / f"steps-{theme}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    print(path, uncertainty, slip)


if __name__ == "__main__":
    STATIC.mkdir(exist_ok=True)
    for theme in COLOURS:
        draw(theme)
