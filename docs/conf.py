"""Configuration of the documentation, built by ``nox -s docs``."""

import os
from pathlib import Path

import checkgrad

project = "checkgrad"
author = "checkgrad developers"
copyright = "2026, checkgrad developers"
release = version = checkgrad.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]

myst_enable_extensions = [
    "colon_fence",
    "dollarmath",
]  # ::: and formulas between dollar signs
myst_heading_anchors = 3  # `page.md#a-heading` works for headings of this many levels

# The pages of the gallery are executed whenever the site is built: what they show is
# what this version prints. All other pages have no cells; a test runs their code.
# Figures of those pages are legible in light and in dark.
os.environ["MATPLOTLIBRC"] = str(Path(__file__).with_name("matplotlibrc"))
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# Copied code has neither prompts nor outputs.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
default_role = "autolink"  # `verify_grad` in a docstring links to its page
autodoc_typehints = "none"  # the docstrings say it in words
# The pages of checkgrad.jax and checkgrad.torch need neither library.
autodoc_mock_imports = ["jax", "torch"]
numpydoc_show_class_members = False
# Everything public is documented whole: a summary, every parameter, what comes back,
# an example.
numpydoc_validation_checks = {
    "GL08",
    "SS03",
    "PR01",
    "PR02",
    "PR03",
    "PR04",
    "RT01",
    "RT03",
    "EX01",
}
# What a user reads from an object, and does not pass to it, is under Attributes.
numpydoc_validation_overrides = {"PR01": [r"Attributes\s+-----"]}
# An enumeration has the signature that Python gives it.
numpydoc_validation_exclude = {r"^checkgrad\.Verdict$"}

html_theme = "furo"
html_title = f"checkgrad {release}"
html_static_path = ["_static"]
html_css_files = ["checkgrad.css"]
html_theme_options = {"top_of_page_buttons": []}
