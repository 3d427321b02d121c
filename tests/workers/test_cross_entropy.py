"""The joint projection and loss against torch's two separate ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from workers import cross_entropy as module
from workers.cross_entropy import linear_cross_entropy


def made(rows: int, width: int, vocabulary: int, scale: float = 1.0) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(rows)
    hidden = torch.randn(rows, width, generator=generator, dtype=torch.float64) * scale
    weight = torch.randn(vocabulary, width, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, vocabulary, (rows,), generator=generator)
    return hidden.requires_grad_(), weight.requires_grad_(), targets


# Rows in a chunk: all, a divisor, one that leaves a shorter last chunk, one.
@pytest.mark.parametrize("chunk_rows", [100, 6, 5, 1])
def test_loss_and_gradients_equal_those_of_torch(
    chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_LOGITS", chunk_rows * 11)
    hidden, weight, targets = made(12, 7, 11)
    ours = linear_cross_entropy(hidden, weight, targets)
    theirs = F.cross_entropy(hidden @ weight.t(), targets, reduction="sum")
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-13)
    # Not the loss itself: a factor must reach the gradients.
    for mine, wanted in zip(
        torch.autograd.grad(3 * ours, (hidden, weight)),
        torch.autograd.grad(3 * theirs, (hidden, weight)),
        strict=True,
    ):
        assert torch.allclose(mine, wanted, rtol=0, atol=1e-13)


def test_the_derivative_is_right_by_finite_differences() -> None:
    hidden, weight, targets = made(5, 3, 4)
    assert torch.autograd.gradcheck(
        lambda x, w: linear_cross_entropy(x, w, targets), (hidden, weight)
    )


def test_a_target_that_the_model_holds_impossible_has_a_finite_loss() -> None:
    # Logits 0 and 200: the probability e^-200 is zero in fp32, its logarithm is -200.
    hidden = torch.tensor([[1.0], [0.0]], requires_grad=True)
    weight = torch.tensor([[0.0], [200.0]])
    targets = torch.tensor([0, 1])
    loss = linear_cross_entropy(hidden, weight, targets)
    assert loss.item() == pytest.approx(200.693147, rel=1e-6)
    loss.backward()
    assert hidden.grad is not None
    # (p - onehot) W by hand: 1 * 200 and (0.5 - 1) * 200.
    assert hidden.grad[:, 0].tolist() == pytest.approx([200.0, -100.0])


def test_a_loss_that_is_not_finite_is_not_hidden() -> None:
    hidden = torch.tensor([[torch.nan], [0.0]])
    loss = linear_cross_entropy(hidden, torch.ones(3, 1), torch.tensor([0, 1]))
    assert loss.isnan()


def test_without_gradients_it_is_the_same_loss() -> None:
    hidden, weight, targets = made(9, 4, 6)
    with torch.no_grad():
        alone = linear_cross_entropy(hidden, weight, targets)
    assert not alone.requires_grad
    assert alone.item() == linear_cross_entropy(hidden, weight, targets).item()


def test_no_rows_have_no_loss_and_no_gradient() -> None:
    hidden, weight, targets = made(0, 4, 6)
    loss = linear_cross_entropy(hidden, weight, targets)
    loss.backward()
    assert loss.item() == 0.0
    assert weight.grad is not None
    assert not weight.grad.any()
