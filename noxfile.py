#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox>=2025.2.9"]
# ///

"""Every check of the project.

``nox`` runs what every change must pass. ``nox -s full`` runs all cases of all tests in all
dtypes, of which a plain run takes a sample (tests/conftest.py says which), and the golden record
of CUTEst. ``nox -s engines`` runs what needs Dask, loky, MPI or Ray, ``nox -s bench`` the
benchmarks, ``nox -s look`` photographs what users see, and ``nox -s build`` makes what is
uploaded to a package index.
"""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
# It comes with nox, and makes an environment in a tenth of the time of `venv`.
nox.options.default_venv_backend = "virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")

# The array libraries that are not NumPy, by the name under which they are imported.
LIBRARIES = ("array_api_strict", "jax", "torch")

# The test sessions by the array library beside which they run.
BESIDE = [nox.param(name, id=name) for name in ("numpy", "jax", "torch", "strict")]
FULL_VARIABLE = "CHECKGRAD_FULL"  # what `pytest --full` sets, and the golden record looks at

# Each worker uses one thread: more threads than cores halve the speed.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

SITE = "docs/_build/html"

LARGEST_WHEEL = 800_000  # bytes: no data, no figures, nothing but code may get in

# Some machines tell Python to keep no compiled modules. Every worker, and every script that a test
# starts, would then compile the tests and the array libraries again.
KEEP_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


def group(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, *names)


def install(session: nox.Session, *packages: str) -> None:
    """Install without compiling: Python compiles the few modules that are imported."""
    session.install("--no-compile", *packages)


def assert_importable_only(session: nox.Session, allowed: str | None) -> None:
    """Prove that the session's environment holds no other array library than NumPy and this."""
    for library in LIBRARIES:
        found = f"importlib.util.find_spec({library!r}) is not None"
        expected = library == allowed
        session.run(
            "python",
            "-c",
            f"import importlib.util; assert ({found}) is {expected}, '{library} is '"
            f" + ('missing' if {expected} else 'installed, this session must do without it')",
        )


def run_pytest(session: nox.Session, *options: str, env: dict[str, str] | None = None) -> None:
    """Run the tests, against the package as it was installed, on every core."""
    environment = ONE_THREAD | KEEP_COMPILED | (env or {})
    # Each worker has tests that follow one another, and shares their fixtures and compiled code.
    workers = ("--numprocesses=auto", "--dist=worksteal")
    session.run("pytest", *workers, *options, *session.posargs, env=environment)


def run_beside(session: nox.Session, library: str, *options: str) -> None:
    """Run the tests beside one array library, and no other but NumPy."""
    beyond_numpy = ("-m", "not numpy", *options)  # what concerns NumPy alone runs in its session
    if library == "numpy":
        install(session, ".[plot]", *group("test", "reference"))
        assert_importable_only(session, None)
        run_pytest(session, *options)
    elif library == "jax":
        install(session, ".[jax]", *group("test"))
        assert_importable_only(session, "jax")
        # Most of the time goes into compiling; what both runs compile is compiled once.
        cache = {
            "JAX_COMPILATION_CACHE_DIR": str(Path(session.create_tmp()).resolve()),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        run_pytest(session, *beyond_numpy, env={"JAX_ENABLE_X64": "1", **cache})
        # The examples choose their precision themselves.
        examples = "--ignore=tests/docs"
        run_pytest(session, *beyond_numpy, examples, env={"JAX_ENABLE_X64": "0", **cache})
    elif library == "torch":
        install(session, ".[torch]", *group("test"))
        assert_importable_only(session, "torch")
        run_pytest(session, *beyond_numpy)
    else:
        install(session, ".", *group("test", "strict"))
        assert_importable_only(session, "array_api_strict")
        run_pytest(session, *beyond_numpy)


def build_site(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    build = ("sphinx-build", "--fail-on-warning", "--keep-going", "--fresh-env", "--builder=html")
    session.run(*build, "docs", SITE, env=ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    install(session, *group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package, and those of programs that use it."""
    install(session, ".", *group("typing"))
    session.run("mypy", "--strict", "src", *session.posargs)
    session.run("pytest", "tests/typing")


@nox.session
@nox.parametrize("library", BESIDE)
def tests(session: nox.Session, library: str) -> None:
    """Run a sample of the tests beside one array library."""
    run_beside(session, library)


@nox.session(default=False)
@nox.parametrize("library", [*BESIDE, *(nox.param(name, id=name) for name in ("cutest", "typing"))])
def full(session: nox.Session, library: str) -> None:
    """Run all tests beside one array library, CUTEst's, or those of the types of programs.

    It is not part of a plain ``nox``.
    """
    if library == "typing":
        install(session, ".[jax,torch]", *group("typing"))
        session.run("pytest", "tests/typing", "--full")
    elif library == "cutest":
        install(session, ".[jax]", *group("test", "cutest"))
        cutest = {FULL_VARIABLE: "1", "CHECKGRAD_TEST_LIBRARIES": "cutest", "JAX_ENABLE_X64": "1"}
        run_pytest(session, "tests/golden", env=cutest)
    else:
        run_beside(session, library, "--full")


@nox.session(default=False)
def engines(session: nox.Session) -> None:
    """Run func by every engine behind `workers` (not part of a plain ``nox``)."""
    install(session, ".", *group("test", "engines"))
    session.run("pytest", "tests/api/test_engines_of_workers.py", *session.posargs, env=ONE_THREAD)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error, and so is a link that leads nowhere."""
    install(session, ".", *group("docs"))
    build_site(session)
    session.run("python", "tests/docs/check_links.py", SITE)


@nox.session(default=False)
def look(session: nox.Session) -> None:
    """Photograph what users see, to be looked at (not part of a plain ``nox``)."""
    install(session, ".", *group("look"))
    build_site(session)
    folder = session.posargs or [str(Path(session.create_tmp()).resolve())]
    session.run("python", "tests/docs/look.py", SITE, *folder, env=ONE_THREAD)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build what is uploaded, and check it (not part of a plain ``nox``)."""
    install(session, *group("build"))
    dist = Path("dist")
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    session.run("twine", "check", "--strict", *map(str, dist.iterdir()))
    (wheel,) = dist.glob("*.whl")
    if (size := wheel.stat().st_size) > LARGEST_WHEEL:
        session.error(f"{wheel} has {size} bytes, more than {LARGEST_WHEEL}")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks (not part of a plain ``nox``)."""
    install(session, ".[all]", *group("bench"))
    # All of the table is in float64 unless it says so.
    session.run("pytest", *(session.posargs or ["tests/benchmarks"]), env={"JAX_ENABLE_X64": "1"})


if __name__ == "__main__":
    nox.main()
