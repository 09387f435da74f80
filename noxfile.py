"""One command for whoever works on the code: ``nox -l`` says what there is.

``nox`` alone lints and runs the fast half. Environments are kept (``-r`` is the default here).
"""

import nox

nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "fast"]

PROOFS = {
    "GATE_TEST_LONG": "1", "GATE_TEST_CUTS": "500", "GATE_TEST_KILLS": "200",
    "GATE_TEST_HISTORIES": "1500", "GATE_TEST_EVENINGS": "12", "GATE_TEST_WORKERS": "200",
    "GATE_TEST_REQUESTS": "40", "GATE_TEST_FLIPS": "3000", "GATE_TEST_GUESSES": "100000",
    "GATE_TEST_NIGHT_S": "180", "GATE_TEST_EXAMPLES": "400", "GATE_TEST_FORGERIES": "100000",
    "GATE_TEST_UNSEEN": "6",
}  # fmt: skip


def _install(session: nox.Session) -> None:
    session.install("-q", "-e", ".[test]")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, and who may import whom."""
    _install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def fast(session: nox.Session) -> None:
    """The fast half of the tests: a minute on two idle cores."""
    _install(session)
    session.run("pytest", "-m", "not system", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All that a plain run has: four minutes on two idle cores, and three are wanted."""
    _install(session)
    session.run("pytest", *session.posargs)


@nox.session
def proofs(session: nox.Session) -> None:
    """The long proofs, with the counts of ``.ci/run``; a bad night wants root."""
    _install(session)
    session.run(
        "pytest", "tests/system", "tests/storage", "tests/credential", *session.posargs, env=PROOFS
    )


@nox.session
def api(session: nox.Session) -> None:
    """A running server, asked by its own OpenAPI document (schemathesis)."""
    _install(session)
    session.run(
        "pytest", "tests/sync/server/test_openapi_conformance.py", *session.posargs, env=PROOFS
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Which lines and branches no test reached."""
    _install(session)
    session.run("pytest", "--cov=gate", "--cov=sync", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """One figure, such as ``nox -s bench -- bench_verdict.py``."""
    _install(session)
    script, *words = session.posargs or ["bench_verdict.py"]
    session.run("python", f"benchmarks/{script}", *words)
