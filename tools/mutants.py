"""Change modules at one place, one change after another, and see whether their tests notice.

    python tools/mutants.py methods/losses results/statistics --out mutants.jsonl [--seconds 600]

Changes are cosmic-ray's (`pip install cosmic-ray`): at each place one of each kind, drawn by a
fixed seed, all of them in an order that is drawn once, too, as far as the time goes. Files stay as
they are: a changed module exists in a forked process alone, which runs the tests that mirror it
until one fails. Results are appended to --out; what stands there is not done again.
docs/quality.md has what was found.
"""

import argparse
import ast
import importlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).resolve().parents[1]
# What is slow to import, once for all: nothing of noisyseg, which each process imports changed.
BEFOREHAND = (
    "numpy",
    "scipy.stats",
    "torch",
    "pandas",
    "cv2",
    "pycocotools.mask",
    "hypothesis",
    "sympy",
)
TESTS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-W")
QUIET = "ignore::pytest.PytestAssertRewriteWarning"
# An exception that nobody raises, in place of one that is caught.
LEFT_OUT = "core/ExceptionReplacer"


class _Bare(ast.NodeTransformer):
    """Without what is not executed: annotations and docstrings."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node


def meaning(source: str) -> str:
    """What a source does: equal for two that no test could tell apart."""
    return ast.dump(_Bare().visit(ast.parse(source)))


def changes(source: str, seed: str) -> Iterator[tuple[int, str, str]]:
    """Line, operator and changed source of one change of each kind at each place."""
    chance, tree, by_place = random.Random(seed), get_ast(source), {}
    for name in sorted(plugins.operator_names()):
        operator = plugins.get_operator(name)
        if operator.arguments() or name.startswith(LEFT_OUT):
            continue
        places = (p for node in ast_nodes(tree) for p in operator().mutation_positions(node))
        for occurrence, place in enumerate(places):
            by_place.setdefault((name.split("_")[0], place), []).append((name, occurrence))
    plain = meaning(source)
    for (_, place), ways in sorted(by_place.items(), key=lambda item: (item[0][1], item[0][0])):
        name, occurrence = chance.choice(ways)
        changed = mutate_code(source, plugins.get_operator(name)(), occurrence)
        try:
            if changed is not None and meaning(changed) != plain:
                yield place[0][0], name, changed
        except SyntaxError:
            continue


def mirrored(module: Path) -> Path:
    """The tests of a module: its own file, else its folder's."""
    own = ROOT / "tests" / module.with_name(f"test_{module.name}")
    return own if own.exists() else own.parent


def tested(module: Path, source: str, limit: float) -> int | None:
    """The exit status of the module's tests in a process that has this source of it; None: late."""
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        get_code, changed = SourceFileLoader.get_code, ROOT / module

        def code_of(self: SourceFileLoader, name: str) -> object:
            if Path(self.get_filename(name)).resolve() != changed:
                return get_code(self, name)
            return compile(source, str(changed), "exec")

        SourceFileLoader.get_code = code_of  # type: ignore[method-assign]
        os._exit(int(pytest.main([*TESTS, QUIET, str(mirrored(module))])))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def parts_of(words: list[str]) -> list[Path]:
    """The modules that files and folders name, by their paths from here."""
    folders = [ROOT / word for word in words]
    files = [p for f in folders for p in ([f] if f.is_file() else sorted(f.rglob("*.py")))]
    return [path.relative_to(ROOT) for path in files if path.name != "__init__.py"]


def tell(line: str) -> None:
    """Write a line for whoever called this, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def judge(modules: list[Path], out: Path, seconds: float) -> None:
    """Try the changes of all modules in an order drawn once, as far as the time goes."""
    known = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done, limits, end = {entry["id"] for entry in known}, {}, time.monotonic() + seconds
    work = []
    for module in modules:
        source = (ROOT / module).read_text()
        work += [(module, number, c) for number, c in enumerate(changes(source, str(module)))]
    random.Random(1).shuffle(work)
    tell(f"{len(work)} changes in {len(modules)} modules, {len(done)} tried before")
    for module, number, (line, name, changed) in work:
        key = f"{module}:{number}"
        if key in done or time.monotonic() > end:
            continue
        if module not in limits:
            began = time.monotonic()
            if tested(module, (ROOT / module).read_text(), 600):
                sys.exit(f"the tests of {module} fail without a change")
            limits[module] = max(60.0, 5 * (time.monotonic() - began))
        status = tested(module, changed, limits[module])
        text = changed.splitlines()[line - 1].strip()
        entry = {"id": key, "line": line, "change": name, "text": text, "status": status}
        with out.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def table(out: Path) -> None:
    """Print what the tests made of the changes of each module, and the changes not noticed.

    By columns: tried, failed tests, late or crashed, not collected, not noticed. Where nothing is
    collected, the change broke the import, or the compiler warned of it, which is an error here.
    """
    entries = [json.loads(line) for line in out.read_text().splitlines()]
    kinds = {1: "failed", int(pytest.ExitCode.INTERRUPTED): "uncollected", 0: "alive"}
    found = Counter((e["id"].split(":")[0], kinds.get(e["status"], "ended")) for e in entries)
    for module in sorted({module for module, _ in found}):
        counts = [found[module, kind] for kind in ("failed", "ended", "uncollected", "alive")]
        tell(f"| `{module}` | " + " | ".join(map(str, [sum(counts), *counts])) + " |")
    for entry in entries:
        if entry["status"] == 0:
            tell(f"{entry['id']} line {entry['line']} {entry['change']}: {entry['text']}")


def main() -> None:
    """Try what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", metavar="FILE_OR_FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT))
    for name in BEFOREHAND:
        importlib.import_module(name)
    judge(parts_of(options.paths), options.out.resolve(), options.seconds)
    table(options.out)


if __name__ == "__main__":
    main()
