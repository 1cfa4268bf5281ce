"""Photograph what users see: ``python tests/docs/look.py docs/_build/html FOLDER``.

These are pages of the built site, a notebook with reports and their pictures, the page of
``pytest --checkgrad-report``, and a file of ``report.to_html``: light and dark, at two widths.

It needs what the site needs, nbconvert, Playwright, and a Chromium, whose path may be in CHROMIUM.
No test looks at pictures: a person does. What can be told without one is printed: pages that are
wider than the window, and text that is hard to read on its background.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from look_pages import checks_page, notebook_pages, report_page
from playwright.sync_api import Page, sync_playwright

PAGES = (
    "index",
    "quickstart",
    "verdict",
    "looking",
    "pytest",
    "noisy",
    "features",
    "troubleshooting",
    "api",
    "api/checkgrad.verify_grad",
    "gallery/index",
    "gallery/slips",
    "gallery/pictures",
    "gallery/steps",
    "gallery/kinks",
    "gallery/errors",
)
WIDTHS = {"wide": 1280, "narrow": 390}
THEMES = ("light", "dark")
LONGEST = 8000  # pixels of a page in its picture
LEAST_CONTRAST = 3.0  # of text on its background: WCAG asks for 4.5, and for 3 in large print

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Of all elements with text of their own, the lowest contrast with the first opaque background.
HARD_TO_READ = """() => {
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const parse = s => (s.match(/[\\d.]+/g) || []).map(Number);
  const found = [];
  for (const e of document.querySelectorAll('article *, .checkgrad *, main *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.offsetParent) continue;
    const color = parse(getComputedStyle(e).color);
    if (color.length > 3 && color[3] < 0.1) continue;
    let b = e, background = null;
    while (b && !background) { const c = parse(getComputedStyle(b).backgroundColor);
      if (c.length === 3 || c[3] > 0.9) background = c; b = b.parentElement; }
    if (!background) background = [255, 255, 255];
    const [x, y] = [light(color.slice(0, 3)), light(background.slice(0, 3))];
    const contrast = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    if (contrast < LEAST) found.push(contrast.toFixed(1) + ' ' + e.textContent.trim().slice(0, 40));
  }
  return [...new Set(found)].slice(0, 5);
}""".replace("LEAST", str(LEAST_CONTRAST))


def photograph(page: Page, path: Path, target: Path) -> None:
    page.goto(path.resolve().as_uri(), wait_until="load")
    for problem, found in {
        "wider than the window by": page.evaluate(WIDER),
        "hard to read:": page.evaluate(HARD_TO_READ),
    }.items():
        if found:
            print(f"{target.stem}: {problem} {found}")
    height = min(page.evaluate("document.documentElement.scrollHeight"), LONGEST)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
    page.screenshot(path=target)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 900})


def main(site: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    of_site = {name.replace("/", "-"): site / f"{name}.html" for name in PAGES}
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        others = {"checks": checks_page(Path(made)), "report": report_page(Path(made))}
        notebooks = notebook_pages(Path(made), THEMES)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for theme in THEMES:
            pages = {**of_site, **others, "notebook": notebooks[theme]}
            for label, width in WIDTHS.items():
                page = browser.new_page(
                    viewport={"width": width, "height": 900}, color_scheme=theme
                )
                for name, path in pages.items():
                    photograph(page, path, folder / f"{name}-{label}-{theme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
