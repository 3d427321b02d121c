"""Our own checkpoint files: everything comes back, and a half-written one never has the name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mixtures.phases import Optimiser
from tests.workers.tiny_study import tiny_proxy
from workers.checkpoint import (
    load_checkpoint,
    proxy_of_checkpoint,
    read_about,
    save_checkpoint,
    weights_sha256,
)
from workers.files import DataError
from workers.optim import make_optimiser
from workers.tensor_file import write_atomically
from workers.xmodel2 import Xmodel2


def trained(steps: int = 2, **changes: Any) -> tuple[Xmodel2, torch.optim.Optimizer]:
    """A tiny model after a few steps, with the state of its optimiser."""
    model = Xmodel2(tiny_proxy(**changes))
    model.init_weights(1)
    optimiser = make_optimiser(model, Optimiser())
    tokens = torch.randint(0, 400, (2, 17), generator=torch.Generator().manual_seed(5))
    for _ in range(steps):
        model.loss(tokens).backward()
        optimiser.step()
        optimiser.zero_grad()
    return model, optimiser


def fresh(**changes: Any) -> tuple[Xmodel2, torch.optim.Optimizer]:
    model = Xmodel2(tiny_proxy(**changes))
    model.init_weights(9)
    return model, make_optimiser(model, Optimiser())


@pytest.mark.parametrize("changes", [{}, {"tied_embedding": False, "attention_scale": "1/h"}])
def test_weights_optimiser_and_metadata_come_back_bit_for_bit(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    model, optimiser = trained(**changes)
    save_checkpoint(tmp_path / "one.safetensors", model, optimiser, {"tokens": 34})
    loaded, its_optimiser = fresh(**changes)
    about = load_checkpoint(tmp_path / "one.safetensors", loaded, its_optimiser)
    assert about["tokens"] == 34
    assert weights_sha256(loaded) == weights_sha256(model)
    assert proxy_of_checkpoint(tmp_path / "one.safetensors") == model.proxy
    for ours, theirs in zip(model.parameters(), loaded.parameters(), strict=True):
        assert optimiser.state[ours].keys() == its_optimiser.state[theirs].keys() != set()
        for key, value in optimiser.state[ours].items():
            assert torch.equal(value, its_optimiser.state[theirs][key])


def test_weights_alone_can_be_kept_and_read(tmp_path: Path) -> None:
    model, optimiser = trained()
    save_checkpoint(tmp_path / "weights.safetensors", model, None, {})
    save_checkpoint(tmp_path / "all.safetensors", model, optimiser, {})
    # AdamW keeps two tensors of the weights' size.
    sizes = [(tmp_path / name).stat().st_size for name in ("weights.safetensors",)]
    assert (tmp_path / "all.safetensors").stat().st_size > 2.8 * sizes[0]
    loaded, its_optimiser = fresh()
    load_checkpoint(tmp_path / "weights.safetensors", loaded, its_optimiser)
    assert weights_sha256(loaded) == weights_sha256(model)
    assert not its_optimiser.state


def test_a_save_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old one")

    def half_way(partial: Path) -> None:
        partial.write_bytes(b"half")
        assert path.read_bytes() == b"the old one"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, half_way)
    assert path.read_bytes() == b"the old one"
    assert [found.name for found in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("kept", [5, 200, -100])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.safetensors"
    save_checkpoint(path, *trained(0), {})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"cut\.safetensors.*not a whole safetensors file"):
        load_checkpoint(path, *fresh())


def test_a_checkpoint_of_another_shape_is_refused_with_both_shapes(tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    save_checkpoint(path, *trained(0, ffn_width=48), {})
    with pytest.raises(DataError, match=r"gate_proj.weight has the shape \[48, 32\].*\[64, 32\]"):
        load_checkpoint(path, *fresh())
    save_checkpoint(path, *trained(0, num_layers=1), {})
    with pytest.raises(DataError, match=r"holds no tensor weight:model\.layers\.1\."):
        load_checkpoint(path, *fresh())


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.safetensors.*no such file"):
        read_about(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("not tensors at all, but long enough to be read")
    with pytest.raises(DataError, match="not a whole safetensors file"):
        read_about(tmp_path / "text.safetensors")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.999])
def test_a_bit_that_a_disk_changed_is_found(tmp_path: Path, part: float) -> None:
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, *trained(), {})
    content = bytearray(path.read_bytes())
    content[int(part * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="its tensors are not those that were written"):
        load_checkpoint(path, *fresh())
