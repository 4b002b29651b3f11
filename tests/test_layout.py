"""The sizes that keep the code readable: 300 lines a file, 40 a function, docstrings not counted."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["moldiff", "guidance", "datasets", "benchmarks"]
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if path.relative_to(ROOT).parts[:2] not in [("moldiff", name) for name in FOLDERS]
)

pytestmark = pytest.mark.skipif(not SOURCES, reason="away from the checkout there is no source")


def code_lines(function):
    docstring = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    # The options of a verb, a line each, are its table of contents and no code.
    options = "cli" in path.parts
    lines = {node.name: code_lines(node) - options * len(node.args.kwonlyargs) for node in functions}
    assert {name: count for name, count in lines.items() if count > 40} == {}
