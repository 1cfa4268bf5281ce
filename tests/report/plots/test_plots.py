"""What the pictures of reports hold: the artists in them, and not their pixels."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_cases import FIVE, correct, kink, noise, sampled, wrong_array, wrong_field
from report_cases import made, undetermined

from checkgrad import Report, Verdict, verify_grad, verify_jac
from checkgrad.report.agreement import agreement_points
from checkgrad.report.html import render_html
from checkgrad.report.plots.agreement import draw_agreement
from checkgrad.report.plots.canvas import ON_ANY_PAGE
from checkgrad.report.plots.choose import CAPTIONS, chosen_kind
from checkgrad.report.plots.names import draw_names
from checkgrad.report.plots.style import BLUE, GREY, MARKS, ORANGE, PURPLE, VERMILION, literal
from checkgrad.report.taylor import remainder

pytestmark = [
    pytest.mark.numpy,
    pytest.mark.skipif(
        importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
    ),
]


@pytest.fixture
def ax() -> Iterator[Any]:
    from matplotlib.figure import Figure

    return Figure().subplots()


def names(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax: Any, start: str) -> tuple[Any, Any]:
    """The numbers of the line whose name begins so."""
    (found,) = [each for each in ax.lines if str(each.get_label()).startswith(start)]
    return found.get_xdata(), found.get_ydata()


def points(ax: Any, start: str) -> Any:
    """The points of the collection whose name begins so, one in a row."""
    (found,) = [each for each in ax.collections if str(each.get_label()).startswith(start)]
    return found.get_offsets()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("correct", "agreement"),
        ("wrong_array", "agreement"),
        ("wrong_field", "image"),
        ("kink", "agreement"),
        ("noise", "steps"),
    ],
)
def test_the_picture_of_each_report_is_the_one_that_says_the_most(name: str, kind: str) -> None:
    assert chosen_kind(FIVE[name]()) == kind


@pytest.mark.parametrize("name", FIVE)
def test_a_report_from_json_has_the_same_picture(name: str, ax: Any) -> None:
    from matplotlib.figure import Figure

    report = FIVE[name]()
    other = Figure().subplots()
    assert report.plot(ax=ax) is ax
    Report.from_dict(report.to_dict()).plot(ax=other)
    assert ax.get_title() == other.get_title()
    assert len(ax.lines) == len(other.lines)
    for one, copy in zip(ax.lines, other.lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), copy.get_xydata())
    for one, copy in zip(ax.collections, other.collections, strict=True):
        np.testing.assert_array_equal(one.get_offsets(), copy.get_offsets())


def test_a_correct_claim_lies_on_the_diagonal(ax: Any) -> None:
    correct().plot(ax=ax)
    assert names(ax) == ["claim = estimate", "correct (12)"]
    found = points(ax, "correct")
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(found[:, 1], correct().claim)
    across, up = line(ax, "claim = estimate")
    np.testing.assert_array_equal(across, up)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("estimate", "claim")
    assert ax.get_title().startswith("correct: 12 coordinates agree to ")


def test_what_is_wrong_in_one_array_lies_beside_the_diagonal(ax: Any) -> None:
    wrong_array().plot(ax=ax)
    assert names(ax) == ["claim = estimate", "correct (12)", "wrong (3)"]
    found = points(ax, "wrong")
    np.testing.assert_allclose(found[:, 1], 3 * found[:, 0], rtol=1e-6)
    assert [text.get_text() for text in ax.texts] == [
        each.where for each in wrong_array().mismatches
    ]
    assert all("['b']" in text.get_text() for text in ax.texts)


def test_a_wrong_field_is_an_image_with_wrong_entries_marked(ax: Any) -> None:
    wrong_field().plot(ax=ax)
    (image,) = ax.images
    shown = np.asarray(image.get_array())
    assert shown.shape == (6, 5)
    np.testing.assert_allclose(shown[2:4, 1:3], 2.0, rtol=1e-6)
    assert np.sum(shown > 1e-3) == 4
    assert sorted(map(tuple, points(ax, "wrong (4)").tolist())) == [
        (1.0, 2.0),
        (1.0, 3.0),
        (2.0, 2.0),
        (2.0, 3.0),
    ]
    low, high = image.get_clim()
    assert low <= 1e-6 < 1.0 <= high


def test_what_was_not_compared_is_marked_and_counted(ax: Any) -> None:
    field = np.random.default_rng(0).standard_normal((12, 16))

    def grad(x: Any) -> Any:
        claim = np.cos(x) * np.roll(x, 1, axis=0) + np.roll(np.sin(x), -1, axis=0)
        claim[3:6, 5:9] *= -1
        return claim

    report = verify_grad(lambda x: np.sum(np.sin(x) * np.roll(x, 1, axis=0)), grad, field)
    report.plot(ax=ax)
    gaps = np.argwhere(np.isnan(ax.images[0].get_array().filled(np.nan)))
    assert names(ax) == ["wrong (11)", f"not compared ({len(gaps)})"]
    assert sorted(map(tuple, points(ax, "not compared").tolist())) == sorted(
        (float(column), float(row)) for row, column in gaps
    )


def test_names_of_places_that_would_cover_each_other_are_left_out() -> None:
    from matplotlib.figure import Figure

    points = agreement_points(wrong_array().comparisons, wrong_array().mismatches)
    (where, x, y), *_ = points.named
    close = [
        (where, x, y),
        ("far", points.limits[0], points.limits[0]),
        *((f"close[{i}]", x, y) for i in range(6)),
    ]
    ax = Figure(figsize=(6, 4)).subplots()
    ax.plot(points.limits, points.limits)
    draw_names(close, np.column_stack([points.estimate, points.claim]), ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text() for text in ax.texts][:2] == [where, "far"]
    assert len(boxes) < len(close)
    for i, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:i]) == 0


def test_axes_with_powers_of_ten_have_two_labels_at_least_and_none_between(ax: Any) -> None:
    wrong_array().plot("taylor", ax=ax)
    ax.figure.draw_without_rendering()
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        shown = [each for each in axis.get_majorticklocs() if low <= each <= high]
        assert len(shown) >= 2
        assert not any(each.get_text() for each in axis.get_minorticklabels())


@pytest.mark.parametrize("case", [wrong_array, kink])
def test_names_of_places_stay_inside_of_the_axes(case: Any) -> None:
    from matplotlib.figure import Figure

    points = agreement_points(case().comparisons, case().mismatches)
    edge = [(f"params['weights'][{i}]", x, x) for i, x in enumerate(points.limits)]
    ax = Figure(figsize=(6, 4)).subplots()
    draw_agreement(dataclasses.replace(points, named=edge), "", ax)
    ax.figure.draw_without_rendering()
    inside = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1


def test_a_kink_shows_errors_that_no_step_makes_smaller(ax: Any) -> None:
    kink().plot("steps", ax=ax)
    _, central = line(ax, "central quotient")
    assert central.size > 10
    np.testing.assert_allclose(central, 1.0)  # from 0, between both sides, to the nearest: 1
    assert not any(name.startswith("truncation") for name in names(ax))
    assert ax.get_title() == "x[0]: wrong"
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_noise_shows_its_floor_and_the_slope_of_truncation(ax: Any) -> None:
    noise().plot(ax=ax)
    step, central = line(ax, "central quotient")
    floor_step, floor = line(ax, "noise floor")
    assert floor[0] * floor_step[0] == pytest.approx(floor[-1] * floor_step[-1])
    at_finest = floor[0] * floor_step[0] / step[0]
    assert 0.01 * at_finest < central[0] < at_finest
    across, up = line(ax, "truncation, slope 2")
    assert np.log(up[1] / up[0]) / np.log(across[1] / across[0]) == pytest.approx(2)
    assert across[0] < 0.1 < across[1]
    at, _ = line(ax, "estimate: fitted")
    assert at[0] == noise().samples[0].fitted_step
    _, off = line(ax, "claim less estimate")
    mismatch = noise().mismatches[0]
    assert off[0] == abs(mismatch.claim - mismatch.estimate)
    assert ax.get_title() == "x[0]: inconclusive"


@pytest.mark.parametrize(("make", "slope"), [(wrong_array, 1), (sampled, 2)])
def test_taylors_remainder_falls_by_its_rate(make: Any, slope: int, ax: Any) -> None:
    make().plot("taylor", ax=ax)
    step, size = line(ax, "|f(x0 + h v)")
    assert np.log(size[-1] / size[-3]) / np.log(step[-1] / step[-3]) == pytest.approx(
        slope, abs=0.2
    )
    across, up = line(ax, f"slope {slope}")
    assert (across[-1], up[-1]) == (step[-1], size[-1])
    assert ax.get_title().endswith(f"rate {remainder(make().samples[0]).rate:.2f}")


def test_a_direction_is_chosen_by_its_name_or_number(ax: Any) -> None:
    report = noise()
    report.plot("steps", where="x[2]", ax=ax)
    assert ax.get_title().startswith("x[2]")
    ax.clear()
    report.plot("taylor", where=1, ax=ax)
    assert ax.get_title().startswith(report.samples[1].where)
    with pytest.raises(ValueError, match=r"of which no samples are kept; pass one of 'x\[0\]'"):
        report.plot("steps", where="x[7]", ax=ax)
    with pytest.raises(ValueError, match="where is 3"):
        report.plot("steps", where=3, ax=ax)


def test_an_array_is_chosen_by_its_path(ax: Any) -> None:
    x0 = {"p": np.ones((2, 3)), "q": np.ones((3, 4)), "r": np.ones(2)}
    report = verify_grad(
        lambda x: np.sum(x["p"]) + np.sum(x["q"]),
        lambda x: {"p": x["p"], "q": 2 * x["q"], "r": 0 * x["r"]},
        x0,
    )
    assert report.plot("image", ax=ax).get_title() == "['q']"
    ax.figure.clear()
    shown = report.plot("image", where="['p']", ax=ax.figure.subplots())
    assert np.asarray(shown.images[0].get_array()).shape == (2, 3)
    with pytest.raises(ValueError, match="no array of two dimensions; pass one of"):
        report.plot("image", where="['r']")


def wrong_in_two() -> Report:
    x0 = {"p": np.ones((2, 3)), "q": np.ones((3, 4))}
    return verify_grad(
        lambda params: np.sum(params["p"]) + np.sum(params["q"]),
        lambda params: {"p": 3 * params["p"], "q": 2 * params["q"]},
        x0,
    )


@pytest.mark.parametrize("kind", ["image", "auto"])
def test_an_array_is_chosen_by_the_words_of_the_report(kind: Any, ax: Any) -> None:
    report = wrong_in_two()
    assert "params['p'][0, 0]" in str(report)
    assert report.plot(kind, where="params['p']", ax=ax).get_title() == "['p']"
    ax.figure.clear()
    assert report.plot(kind, where="['p']", ax=ax.figure.subplots()).get_title() == "['p']"
    with pytest.raises(ValueError, match=r"where is \"other\['p'\]\""):
        report.plot(kind, where="other['p']", ax=ax)


def test_an_array_of_a_right_claim_is_chosen_with_any_argument(ax: Any) -> None:
    x0 = {"p": np.ones((2, 3))}
    report = verify_grad(lambda x: np.sum(x["p"]), lambda x: {"p": np.ones((2, 3))}, x0)
    assert report.plot("image", where="x['p']", ax=ax).get_title() == "['p']"


def test_a_place_alone_chooses_the_kind_that_shows_it(ax: Any) -> None:
    report = verify_grad(lambda x: np.sum(np.sin(x)), lambda x: -np.cos(x), np.ones((2, 2)))
    assert chosen_kind(report) == "image"
    assert report.plot(where="x[0, 0]", ax=ax).get_title() == "x[0, 0]: wrong"
    ax.figure.clear()
    assert report.plot(where="x", ax=ax.figure.subplots()).images
    with pytest.raises(ValueError, match=r"where is 'x.7, 7.'.*; pass one of"):
        report.plot(where="x[7, 7]", ax=ax)


def test_claim_against_estimate_takes_no_place(ax: Any) -> None:
    with pytest.raises(ValueError, match=r"where is 'no such place'.*shows all places"):
        noise().plot("agreement", where="no such place", ax=ax)


@pytest.mark.parametrize("key", [r"$\theta$", "$a_{$"])
@pytest.mark.parametrize("kind", ["agreement", "image", "steps", "taylor"])
def test_names_with_dollar_signs_are_drawn_as_they_are(kind: Any, key: str, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    x0 = {key: np.ones((2, 2))}
    report = verify_grad(lambda p: np.sum(p[key]), lambda p: {key: 3 * p[key]}, x0)
    figure = Figure(layout="constrained")
    report.plot(kind, ax=figure.subplots())
    figure.savefig(tmp_path / "picture.svg", dpi=20)


@pytest.mark.parametrize("text", ["$", r"\$x$", r"$\theta$", "$_$^{$", "a$b"])
def test_a_text_is_drawn_literally(text: str, ax: Any) -> None:
    artist = ax.text(0, 0, literal(text))
    assert artist._preprocess_math(artist.get_text()) == (text, False)


def test_a_jacobian_is_an_image(ax: Any) -> None:
    def jac(x: Any) -> Any:
        claim = np.diag(2 * x)
        claim[1, 0] = 1.0
        return claim

    report = verify_jac(lambda x: x**2, jac, np.asarray([1.0, 2.0, 3.0]))
    report.plot("image", ax=ax)
    assert points(ax, "wrong (1)").tolist() == [[0.0, 1.0]]


def test_what_cannot_be_drawn_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"kind is 'lines' .*; pass one of 'auto'"):
        correct().plot("lines")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the report has no samples; pass keep_samples=True"):
        correct().plot("taylor")
    with pytest.raises(ValueError, match="an image needs an array of two dimensions"):
        correct().plot("image")
    with pytest.raises(ValueError, match="nothing was compared"):
        undetermined().plot()


def test_without_axes_a_new_figure_is_made() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    one, other = correct().plot(), correct().plot()
    assert one.figure is not other.figure
    plt.close(one.figure)
    plt.close(other.figure)


def test_decisions_are_told_apart_without_colours() -> None:
    assert len({mark["marker"] for mark in MARKS.values()}) == len(MARKS) == 3
    assert MARKS["wrong"]["color"] == VERMILION
    assert MARKS["correct"]["color"] == BLUE


# --- on light and dark pages --------------------------------------------------------------------

PAGES = ("#ffffff", "#111111", "#1e1e1e")  # white, JupyterLab's dark theme, that of VS Code
LEAST_CONTRAST = 3.0  # WCAG 2, 1.4.11, for parts of pictures


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""
    from matplotlib.colors import to_rgb

    parts = np.asarray([to_rgb(one), to_rgb(other)])
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("page", PAGES)
def test_every_colour_is_seen_on_light_and_dark_pages(page: str) -> None:
    text = set(ON_ANY_PAGE.values()) - {"none"}
    for color in (BLUE, ORANGE, VERMILION, PURPLE, GREY, *text):
        assert contrast(color, page) >= LEAST_CONTRAST, color


# A backend that is loaded with the first figure and then draws at once, as that of notebooks does.
BACKEND = """
import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
mpl.interactive(True)
"""

IN_A_NOTEBOOK = """
import sys
import matplotlib as mpl
import picture_cases

style = {"text.color": "red"} if "styled" in sys.argv else {}
mpl.rcParams.update(style)
ax = picture_cases.wrong_field().plot()
assert mpl.is_interactive()  # else a notebook shows no further figure
assert mpl.rcParams["axes.facecolor"] == "white"
bar = ax.figure.axes[1]
ax.set_xlim(0, 0.001)  # ticks that were not there
ax.figure.canvas.draw()
print(ax.figure.get_facecolor()[3], ax.get_facecolor()[3])
print(*{each.get_color() for each in ax.get_xticklabels()})
print(*{each.get_color() for each in (*ax.get_yticklabels(), *bar.get_yticklabels())})
print(ax.xaxis.label.get_color(), ax.get_legend().get_texts()[0].get_color())
"""


def in_a_notebook(folder: Path, *options: str, backend: str = "inline_stub") -> list[str]:
    """What a program prints whose backend is loaded as that of a notebook is."""
    (folder / f"{backend}.py").write_text(BACKEND, encoding="utf-8")
    cases = str(Path(__file__).resolve().parents[1])
    paths = [str(folder), cases, *filter(None, [os.environ.get("PYTHONPATH")])]
    found = subprocess.run(
        [sys.executable, "-c", IN_A_NOTEBOOK, *options],
        env={
            **os.environ,
            "MPLBACKEND": f"module://{backend}",
            "PYTHONPATH": os.pathsep.join(paths),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.splitlines()


def test_a_figure_in_a_notebook_is_legible_on_light_and_dark_pages(tmp_path: Path) -> None:
    across, up = ON_ANY_PAGE["xtick.color"], ON_ANY_PAGE["ytick.color"]
    text = ON_ANY_PAGE["text.color"]
    assert in_a_notebook(tmp_path) == ["0.0 0.0", across, up, f"{text} {text}"]


def test_notebooks_put_no_background_behind_a_figure() -> None:
    from matplotlib.colors import to_rgb

    # matplotlib_inline.backend_inline asks for one where all labels are on one side of a half.
    dark, light = (
        np.dot(to_rgb(ON_ANY_PAGE[f"{side}tick.color"]), (0.299, 0.587, 0.114)) for side in "xy"
    )
    assert dark < 0.5 < light


def test_a_style_of_the_user_is_left_alone(tmp_path: Path) -> None:
    assert in_a_notebook(tmp_path, "styled") == ["1.0 1.0", "black", "black", "black red"]


def test_a_figure_of_a_window_is_as_matplotlib_makes_it(tmp_path: Path) -> None:
    shown = in_a_notebook(tmp_path, backend="window_stub")
    assert shown == ["1.0 1.0", "black", "black", "black black"]


def test_figures_of_the_site_look_as_those_in_a_notebook() -> None:
    import matplotlib as mpl

    path = Path(__file__).resolve().parents[3] / "docs" / "matplotlibrc"
    of_site = mpl.rc_params_from_file(path, use_default_template=False)
    assert {key: f"{of_site[key]}".lstrip("#") for key in ON_ANY_PAGE} == {
        key: value.lstrip("#") for key, value in ON_ANY_PAGE.items()
    }


# --- in HTML ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIVE)
def test_html_holds_the_picture_in_the_colour_of_its_text(name: str) -> None:
    report = FIVE[name]()
    shown = report._repr_html_()
    assert shown.count("<svg") == shown.count("</svg>") == 1
    assert CAPTIONS[chosen_kind(report)] in shown
    assert "currentColor" in shown
    assert "#010203" not in shown
    assert "<?xml" not in shown
    assert ("<details open>" in shown) is not bool(report)
    assert shown == report._repr_html_()  # the same at every call


def test_html_has_no_picture_if_none_is_asked_for() -> None:
    assert "<svg" not in render_html(correct(), picture=False)


def test_html_of_a_report_without_numbers_has_no_picture() -> None:
    assert "<svg" not in undetermined()._repr_html_()
    assert "<svg" not in made(Verdict.CORRECT)._repr_html_()


def test_many_points_are_pixels_in_html() -> None:
    x0 = np.linspace(0.1, 1.0, 3000)
    report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x0, direction="all")
    assert len(report._repr_html_()) < 200_000


WITHOUT_MATPLOTLIB = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
from checkgrad import verify_grad
report = verify_grad(lambda x: np.sum(x**2), lambda x: x, np.ones(3))
assert "<svg" not in report._repr_html_() and "wrong" in report._repr_html_()
try:
    report.plot()
except ImportError as error:
    print(error)
"""


def test_without_matplotlib_there_is_a_line_to_install_it() -> None:
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_MATPLOTLIB], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == (
        "report.plot needs matplotlib; install it with: pip install 'checkgrad[plot]'"
    )
