"""The benchmarks start as their documents say, from any folder."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_scripts_find_each_other_wherever_they_are_started(tmp_path: Path) -> None:
    # `python bench/train.py` looks for modules beside itself, not in the folder above.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import importlib.util; print(importlib.util.find_spec('bench.train_parts').origin)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert Path(found.stdout.strip()).name == "train_parts.py"
