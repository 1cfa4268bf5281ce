"""What surrounds the package: the README, the recipe, the workflows and the layout."""

import re
import tomllib
from pathlib import Path

import pytest

import checkgrad

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"LICENSE", "README.md", "docs", "noxfile.py", "pyproject.toml", "src", "tests"}
BUILT = {"build", "dist"}  # by tools, and ignored by git
LINK = re.compile(r"\]\(([^)\s]+)\)")

pytestmark = pytest.mark.numpy


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project():
    return tomllib.loads(text_of("pyproject.toml"))


def test_readme_works_on_a_package_index_where_relative_links_lead_nowhere():
    links = LINK.findall(text_of("README.md"))
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_readme_cites_this_version():
    cited = re.search(r"version = \{([\d.]+)\}", text_of("README.md"))
    assert cited[1] == checkgrad.__version__


def test_top_level_holds_what_the_design_names_and_hidden_files():
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "_"))}
    assert found - BUILT - {"shared"} == TOP_LEVEL


def test_recipe_of_conda_forge_requires_what_the_package_requires(project):
    recipe = text_of(".github/conda/recipe.yaml")
    run = re.search(r"  run:\n((?:    - .*\n)+)", recipe)[1]
    asked = {line.strip().removeprefix("- ").replace(" ", "") for line in run.splitlines()}
    assert asked == {"python>=${{python_min}}", *project["project"]["dependencies"]}
    assert f'version: "{checkgrad.__version__}"' in recipe
    assert f'python_min: "{project["project"]["requires-python"].removeprefix(">=")}"' in recipe


def test_recipe_of_conda_forge_has_the_scripts_of_the_package(project):
    # A package for all platforms lists them: conda writes them at the installation.
    recipe = text_of(".github/conda/recipe.yaml")
    listed = re.search(r"    entry_points:\n((?:      - .*\n)+)", recipe)[1]
    scripts = project["project"]["scripts"].items()
    assert [line.strip() for line in listed.splitlines()] == [
        f"- {name} = {place}" for name, place in scripts
    ]
    assert all(f"      - {name} --version\n" in recipe for name, _ in scripts)


def test_release_compares_its_tag_with_the_version_before_it_uploads():
    build, upload = text_of(".github/workflows/release.yml").split("  publish:\n")
    assert "dist/checkgrad-${TAG#v}.tar.gz" in build
    assert "gh-action-pypi-publish" in upload


def test_readme_names_every_extra(project):
    named = set(re.findall(r'"\.\[(\w+)\]"', text_of("README.md")))
    assert named == set(project["project"]["optional-dependencies"])


def test_workflows_run_sessions_that_exist():
    sessions = set(re.findall(r"^def (\w+)\(session", text_of("noxfile.py"), re.MULTILINE))
    workflows = "".join(
        map(text_of, (f".github/workflows/{name}.yml" for name in ("ci", "release")))
    )
    named = set(re.findall(r"nox --session \"?(\w+)", workflows))
    named |= set(re.search(r"session: \[(.*)\]", workflows)[1].split(", "))
    assert named == {"lint", "typing", "docs", "tests", "build"}
    assert named <= sessions


def test_classifiers_name_the_versions_that_the_workflow_tests(project):
    named = {
        found[1]
        for each in project["project"]["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each))
    }
    tested = set(re.findall(r'"(3\.\d+)"', text_of(".github/workflows/ci.yml")))
    assert tested <= named
    assert {min(tested, key=as_numbers), max(tested, key=as_numbers)} == {
        min(named, key=as_numbers),
        max(named, key=as_numbers),
    }


def as_numbers(version):
    return [int(part) for part in version.split(".")]
