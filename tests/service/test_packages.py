"""What pip would bring, how much that is, and the advice when it fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service import packages
from service.packages import SetUpError


def report(*names: str) -> dict[str, object]:
    return {"install": [{"metadata": {"name": name, "version": "1"}} for name in names]}


def test_cuda_build_of_torch_is_found_in_the_report() -> None:
    found = packages.cuda_packages(
        report("Jinja2", "torch", "triton", "nvidia-cublas", "cuda-bindings", "NVIDIA-nccl-cu13")
    )
    assert found == ["triton", "nvidia-cublas", "cuda-bindings", "nvidia-nccl-cu13"]


def test_cpu_build_of_torch_brings_no_cuda() -> None:
    assert packages.cuda_packages(report("torch", "sympy", "tritonclient", "cudatext")) == []


def test_cuda_packages_without_torch_are_no_reason_to_change_torch() -> None:
    assert packages.cuda_packages(report("xgboost", "nvidia-nccl-cu12")) == []


def test_size_line_tells_count_download_and_disk() -> None:
    # 412 MB times 4 measured bytes on disk per downloaded byte: 1,648 MB
    assert packages.size_line([400_000_000, 12_000_000]) == (
        "installing 2 packages, 412 MB to download, about 1.6 GB on disk, into .venv"
    )


def test_size_line_says_at_least_when_a_size_is_unknown() -> None:
    assert packages.size_line([10_000_000, None, 0]) == (
        "installing 3 packages, at least 10 MB to download, about 40 MB on disk, into .venv"
    )


def test_sizes_of_local_files_are_read_and_others_unknown(tmp_path: Path) -> None:
    (tmp_path / ".venv/lib/python3.11/site-packages").mkdir(parents=True)
    (tmp_path / "a+b c.whl").write_bytes(b"12345")
    pip = packages.Pip(tmp_path, lock_fd=-1)
    urls = [(tmp_path / "a+b c.whl").as_uri(), (tmp_path / "none").as_uri(), "odd://x/y"]
    assert packages.file_sizes(pip, urls) == [5, None, None]


def test_pin_of_torch_is_found_among_its_relatives() -> None:
    assert packages.pin_of_torch("a==1\ntorch==2.13.0\ntorchvision==3\n") == "torch==2.13.0"


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("ERROR: [Errno 28] No space left on device", "the disk is full"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken\n"
            "ERROR: No matching distribution found for ray",
            "a package index cannot be reached",
        ),
        ("ERROR: No matching distribution found for ray==2", "for ray==2; if this Python is too"),
        ("ERROR: Something else.", "Something else."),
        ("", "it gave no reason."),
    ],
)
def test_advice_follows_what_pip_said(output: str, advice: str) -> None:
    assert advice in packages.what_to_do(output)


def test_without_a_compiler_only_the_use_of_pycosat_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reasoning-gym imports pycosat whenever it is imported itself."""
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    folder = tmp_path / ".venv/lib/python3.11/site-packages"
    folder.mkdir(parents=True)
    found = [("reasoning_gym", "0.1.25"), ("pycosat", "0.6.6")]
    items = [
        {"metadata": {"name": name, "version": version}, "download_info": {"url": "odd://x"}}
        for name, version in found
    ]
    monkeypatch.setattr(packages.Pip, "resolve", lambda pip, *what: {"install": items})
    monkeypatch.setattr(packages.Pip, "compile", lambda pip: None)
    installed: list[str] = []

    def install(pip: packages.Pip, doing: str, *what: str) -> None:
        if "pycosat==0.6.6" in what:
            raise SetUpError("no compiler")
        installed.extend(word for word in what if "==" in word)

    monkeypatch.setattr(packages.Pip, "install", install)
    packages.install(packages.Pip(tmp_path, lock_fd=-1), "", "")
    assert installed == ["reasoning_gym==0.1.25"]
    stub: dict[str, Callable[..., object]] = {}
    exec((folder / "pycosat.py").read_text(), stub)
    with pytest.raises(RuntimeError, match="install a C compiler"):
        stub["itersolve"]([[1]])
