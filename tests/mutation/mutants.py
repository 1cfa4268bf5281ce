"""Mutants: the source with one small error each, and samples of them.

`run.py` draws them from here, and runs the tests.
"""

from __future__ import annotations

import ast
import collections
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "checkgrad"
NEED_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")
# On arrays of bool, and here "&" and "|" join nothing else, these compute the same.
EQUIVALENT = ("core/ReplaceBinaryOperator_BitAnd_Mul", "core/ReplaceBinaryOperator_BitOr_Add")


@dataclass(frozen=True)
class Mutant:
    """One small error in one module."""

    path: Path  # relative to the package
    operator: str
    line: int
    code: str  # of the whole module

    @property
    def room(self) -> str:
        return self.path.parts[0] if len(self.path.parts) > 1 else "checkgrad"

    @property
    def diff(self) -> str:
        before = (PACKAGE / self.path).read_text(encoding="utf-8").splitlines()
        lines = difflib.unified_diff(before, self.code.splitlines(), lineterm="", n=1)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++")))

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator.removeprefix('core/')}"


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes out annotations and protocols, which nothing evaluates."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if any(getattr(base, "id", "") == "Protocol" for base in node.bases):
            node.body = []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def meaning(code: str) -> str:
    """Return what a module says, without its annotations and protocols."""
    return ast.dump(_WithoutAnnotations().visit(ast.parse(code)))


def places(module: Path) -> dict[tuple[Any, Any], list[tuple[str, int]]]:
    """Return the mutants of a module (operator, occurrence), by place."""
    tree = get_ast((PACKAGE / module).read_text(encoding="utf-8"))
    found: dict[tuple[Any, Any], list[tuple[str, int]]] = collections.defaultdict(list)
    for name in operator_names():
        if name in NEED_ARGUMENTS + EQUIVALENT:
            continue
        operator, occurrence = get_operator(name)(), 0
        for node in ast_nodes(tree):
            for start, end in operator.mutation_positions(node):
                found[start, end].append((name, occurrence))
                occurrence += 1
    return found


def make_mutant(module: Path, line: int, name: str, occurrence: int) -> Mutant | None:
    """Return a mutant; None if it means the same."""
    source = (PACKAGE / module).read_text(encoding="utf-8")
    code = mutate_code(source, get_operator(name)(), occurrence)
    try:
        same = code is None or meaning(code) == meaning(source)
    except SyntaxError:
        return None
    return None if same else Mutant(module, name, line, code)


def drawn(rooms: list[str], only: str, count: int, seed: int) -> Iterator[Mutant]:
    """Yield a sample of the mutants of some rooms."""
    rng = random.Random(seed)
    everywhere = []
    for room in rooms:
        here = PACKAGE / room
        files = [here.with_suffix(".py")] if not here.is_dir() else sorted(here.rglob("*.py"))
        for file in files:
            module = file.relative_to(PACKAGE)
            if only in str(module):
                everywhere += [(module, *each) for each in sorted(places(module).items())]
    rng.shuffle(everywhere)
    for module, ((line, _), _end), choices in everywhere:
        if count == 0:
            return
        mutant = make_mutant(module, line, *rng.choice(choices))
        if mutant is not None:
            count -= 1
            yield mutant
