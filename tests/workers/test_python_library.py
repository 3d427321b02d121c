"""Text of Python's own library: code without docstrings, docstrings without code."""

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.python_library import (
    _modules,
    docstring_documents,
    source_documents,
    topic_documents,
    without_docstrings,
)

MODULE = '''"""About the module."""
import os

class Box:
    """About the box,
    on two lines."""

    size = """no docstring"""

    def open(self):
        "About opening."
        return "About opening."

async def close():
    """About closing."""
'''


def docstrings_of(text: str) -> list[ast.Constant]:
    """Found in another way than the module does: by ast.get_docstring's rule."""
    found = []
    for node in ast.walk(ast.parse(text)):
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            statement = node.body[0]
            assert isinstance(statement, ast.Expr)
            assert isinstance(statement.value, ast.Constant)
            found.append(statement.value)
    return found


def test_docstrings_go_and_all_other_lines_stay() -> None:
    assert without_docstrings(MODULE, docstrings_of(MODULE)) == (
        "import os\n\nclass Box:\n\n"
        '    size = """no docstring"""\n\n'
        "    def open(self):\n"
        '        return "About opening."\n\n'
        "async def close():\n"
    )


def test_a_form_feed_does_not_count_as_a_line() -> None:
    text = 'x = 1\n\x0c\ndef f():\n    """About f."""\n    return x\n'
    assert without_docstrings(text, docstrings_of(text)) == "x = 1\n\x0c\ndef f():\n    return x\n"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library of four modules, of which one is read, in the place of Python's own."""
    long = MODULE + "x = 1\n" * 60
    for name in ("box.py", "test/test_box.py", "site-packages/box.py", "sub/__pycache__/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(long)
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n" * 60)
    (tmp_path / "tiny.py").write_text("x = 1\n")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    _modules.cache_clear()
    yield tmp_path
    _modules.cache_clear()


def test_tests_other_peoples_packages_and_other_encodings_are_left_out(library: Path) -> None:
    codes, docstrings = list(source_documents()), list(docstring_documents())
    assert len(codes) == 1
    assert codes[0].startswith("import os\n\nclass Box:\n")
    # Each module's docstrings are one document, and this one's are short.
    assert docstrings == []


def test_a_modules_docstrings_are_one_document_outermost_first(library: Path) -> None:
    long = '"""' + "About the module. " * 20 + '"""'
    (library / "box.py").write_text(MODULE.replace('"""About the module."""', long))
    assert list(docstring_documents()) == [
        "\n\n".join(
            [
                ("About the module. " * 20),
                "About the box,\non two lines.",
                "About opening.",
                "About closing.",
            ]
        )
    ]


def test_the_language_reference_is_there() -> None:
    topics = list(topic_documents())
    assert topics == list(topic_documents())
    assert any('The "if" statement' in text for text in topics)
