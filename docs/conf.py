"""Configuration of the documentation, built by ``nox -s docs``."""

import checkgrad

project = "checkgrad"
author = "checkgrad developers"
copyright = "2026, checkgrad developers"
release = version = checkgrad.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath"]  # formulas between dollar signs
exclude_patterns = ["_build", "examples"]

autodoc_typehints = "none"  # the docstrings say it in words
autodoc_mock_imports = ["jax", "torch"]  # the pages of checkgrad.jax and checkgrad.torch need none
numpydoc_show_class_members = False
# Everything public is documented whole: a summary, every parameter, what comes back, an example.
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
