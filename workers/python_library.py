"""Three pretraining sources that are on every machine: the text of Python's own library.

The source code comes without its docstrings and the docstrings without the code, so that held-out
text of the one does not stand in the other.
"""

import ast
import inspect
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

# Tests are machine-made tables in good part; the rest is either third-party or counted elsewhere.
_SKIPPED_FOLDERS = {"test", "tests", "idle_test", "site-packages", "pydoc_data", "__pycache__"}
_SHORTEST_DOCUMENT_BYTES = 200


def source_documents() -> Iterator[str]:
    """Each module's code without docstrings."""
    for text, docstrings in _modules():
        code = without_docstrings(text, docstrings)
        if len(code) >= _SHORTEST_DOCUMENT_BYTES:
            yield code


def docstring_documents() -> Iterator[str]:
    """Each module's docstrings, joined by blank lines."""
    for _, docstrings in _modules():
        text = "\n\n".join(inspect.cleandoc(str(node.value)) for node in docstrings)
        if len(text) >= _SHORTEST_DOCUMENT_BYTES:
            yield text


def topic_documents() -> Iterator[str]:
    """The language reference's topics, as `help()` shows them."""
    for name in sorted(topics):
        yield topics[name]


def without_docstrings(text: str, docstrings: list[ast.Constant]) -> str:
    """`text` without the lines that the docstrings stand on."""
    # Not splitlines, which ends a line at a form feed too; Python's parser does not.
    lines = text.split("\n")
    removed = {
        line
        for node in docstrings
        for line in range(node.lineno - 1, node.end_lineno or node.lineno)
    }
    return "\n".join(line for number, line in enumerate(lines) if number not in removed)


@cache  # parsing the library takes seconds, and two sources are made of it
def _modules() -> list[tuple[str, list[ast.Constant]]]:
    """(text, docstring nodes) of every module, in the order of their paths."""
    root = Path(sysconfig.get_paths()["stdlib"])
    modules = []
    for path in sorted(root.rglob("*.py")):
        if _SKIPPED_FOLDERS.isdisjoint(path.relative_to(root).parts):
            # A few codecs' sources are not UTF-8; they are data tables, so leave them out.
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            modules.append((text, list(_docstrings(ast.parse(text)))))
    return modules


def _docstrings(node: ast.AST) -> Iterator[ast.Constant]:
    """The docstrings of a module and of the classes and functions in it, outermost first."""
    body = getattr(node, "body", None)
    if not isinstance(body, list) or not body:
        return
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        match body[0]:
            case ast.Expr(value=ast.Constant(value=str()) as docstring):
                yield docstring
    for child in body:
        yield from _docstrings(child)
