"""Parameter groups, and steps of AdamW and Muon against independent computations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixtures.phases import Decay, Optimiser
from mixtures.proxy import Proxy
from tests.workers.tiny_study import tiny_config, tiny_proxy, tiny_trial
from workers.checkpoint import load_checkpoint, save_checkpoint
from workers.optim import MuonWithAdamW, make_optimiser, set_learning_rate
from workers.run import TrialRunner
from workers.xmodel2 import Xmodel2

MUON = Decay(optimiser="muon")
# The coefficients of the quintic iteration (Jordan et al. 2024, kellerjordan.github.io/posts/muon).
A, B, C = 3.4445, -4.7750, 2.0315


def model_with_gradients(**shape: Any) -> Xmodel2:
    model = Xmodel2(tiny_proxy(**shape))
    model.init_weights(1)
    tokens = torch.randint(0, 400, (2, 33), generator=torch.Generator().manual_seed(2))
    model.loss(tokens).backward()
    return model


def names_by_group(model: Xmodel2, optimiser: torch.optim.Optimizer) -> list[set[str]]:
    names = {id(weight): name for name, weight in model.named_parameters()}
    return [{names[id(weight)] for weight in g["params"]} for g in optimiser.param_groups]


def is_table(name: str) -> bool:
    return "embed_tokens" in name or "lm_head" in name


@pytest.mark.parametrize("tied", [True, False])
def test_every_weight_is_in_one_group(tied: bool) -> None:
    model = Xmodel2(tiny_proxy(tied_embedding=tied))
    weights = dict(model.named_parameters())
    tables = {name for name in weights if is_table(name)}
    gains = {name for name, weight in weights.items() if weight.dim() == 1}
    assert len(tables) == (1 if tied else 2)
    assert names_by_group(model, make_optimiser(model, Optimiser())) == [
        tables,
        weights.keys() - tables - gains,
        gains,
    ]
    # With Muon the same three, the hidden matrices last.
    with_muon = make_optimiser(model, Optimiser(), MUON)
    assert names_by_group(model, with_muon) == [tables, gains, weights.keys() - tables - gains]


def test_rates_at_1_2b_are_those_of_the_authors_script() -> None:
    # FACTS 2: embedding .01, hidden .01 / (1536 / 256) = .0016667; weight decay .1 but on norms.
    with torch.device("meta"):
        model = Xmodel2(Proxy.model_validate({"preset": "1.2b", "context_tokens": 256}))
    optimiser = make_optimiser(model, Optimiser())
    set_learning_rate(optimiser, 0.01)
    groups = optimiser.param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.01, 0.01 / 6, 0.01])
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0.0]
    assert all(g["betas"] == (0.9, 0.95) and g["eps"] == 1e-8 for g in groups)
    # Under Muon the hidden matrices fall as 1 / sqrt(m).
    with_muon = make_optimiser(model, Optimiser(), MUON)
    set_learning_rate(with_muon, 0.01)
    rates = [group["lr"] for group in with_muon.param_groups]
    assert rates == pytest.approx([0.01, 0.01, 0.01 / 6**0.5])


def test_two_steps_of_adamw_equal_the_formula() -> None:
    # Loshchilov and Hutter, arXiv 1711.05101, Algorithm 2, in float64.
    model = model_with_gradients()
    spec = Optimiser(epsilon=0.003, weight_decay=0.2)
    optimiser = make_optimiser(model, spec)
    set_learning_rate(optimiser, 0.02)
    before = {n: w.detach().double().numpy().copy() for n, w in model.named_parameters()}
    optimiser.step()
    optimiser.step()
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        gradient, theta = weight.grad.double().numpy(), before[name]
        # m = width 32 over base width 16.
        rate = 0.02 if is_table(name) or weight.dim() == 1 else 0.01
        decay = 0.0 if weight.dim() == 1 else 0.2
        first, second = np.zeros_like(theta), np.zeros_like(theta)
        for step in (1, 2):
            first = 0.9 * first + 0.1 * gradient
            second = 0.95 * second + 0.05 * gradient**2
            corrected = np.sqrt(second / (1 - 0.95**step)) + 0.003
            theta = theta - rate * (first / (1 - 0.9**step) / corrected + decay * theta)
        assert np.abs(weight.detach().numpy() - theta).max() < 2e-6, name


def orthogonalised(matrix: np.ndarray) -> np.ndarray:
    """Five Newton-Schulz steps x <- a x + (b x x^T + c (x x^T)^2) x, in float64."""
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x


def test_one_step_of_muon_equals_the_formula() -> None:
    model = model_with_gradients()
    # Of no low rank: torch iterates in bfloat16, whose three digits drown small singular values.
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(3))
    optimiser = make_optimiser(model, Optimiser(), MUON)
    set_learning_rate(optimiser, 0.02)
    before = {n: w.detach().double().numpy().copy() for n, w in model.named_parameters()}
    optimiser.step()
    hidden = names_by_group(model, optimiser)[2]
    assert {before[name].shape for name in hidden} == {(32, 32), (16, 32), (64, 32), (32, 64)}
    for name, weight in model.named_parameters():
        if name not in hidden:
            continue
        assert weight.grad is not None
        gradient = weight.grad.double().numpy()
        # Nesterov: .05 g + .95 * (.05 g), a multiple of g, and the first step divides it out.
        rate = 0.02 / 2**0.5  # m = 2
        size = 0.2 * max(gradient.shape) ** 0.5  # of AdamW's updates, arXiv 2502.16982, Eq. 4
        step = rate * size * orthogonalised(gradient)
        moved = before[name] * (1 - rate * 0.1) - weight.detach().double().numpy()
        assert np.linalg.norm(moved - step) < 0.02 * np.linalg.norm(step), name


def test_muon_starts_at_zero_and_adamw_keeps_its_moments(tmp_path: Path) -> None:
    model = model_with_gradients()
    stable = make_optimiser(model, Optimiser())
    stable.step()
    path = tmp_path / "stable.safetensors"
    save_checkpoint(path, model, stable, {})
    optimiser = make_optimiser(model, Optimiser(), MUON)
    load_checkpoint(path, model, optimiser)
    assert isinstance(optimiser, MuonWithAdamW)
    optimiser.forget_moments_of_matrices()
    for name, weight in model.named_parameters():
        if weight.dim() == 1 or is_table(name):
            assert optimiser.state[weight].keys() == {"step", "exp_avg", "exp_avg_sq"}
            assert torch.equal(optimiser.state[weight]["exp_avg"], stable.state[weight]["exp_avg"])
        else:
            assert weight not in optimiser.state


def test_a_checkpoint_holds_the_state_of_both(tmp_path: Path) -> None:
    model = model_with_gradients()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    optimiser = make_optimiser(model, Optimiser(), MUON)
    optimiser.step()
    save_checkpoint(tmp_path / "decay.safetensors", model, optimiser, {})
    optimiser.step()

    resumed = Xmodel2(model.proxy)
    again = make_optimiser(resumed, Optimiser(), MUON)
    load_checkpoint(tmp_path / "decay.safetensors", resumed, again)
    for name, weight in resumed.named_parameters():
        weight.grad = gradients[name]
    again.step()
    for (name, one), other in zip(model.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_a_decay_with_muon_is_the_same_bits_again_and_another_trial(
    tmp_path: Path, tiny_root: Path
) -> None:
    results, ids = [], []
    for home, optimiser in (("a", "muon"), ("b", "muon"), ("a", "adamw")):
        config = tiny_config(tmp_path / home, tiny_root)
        spec = tiny_trial(config, 0.5, 3, decay={"tokens": 1280, "optimiser": optimiser})
        ids.append(spec.trial_id)
        results.append(TrialRunner(config).run(spec, 1, lambda progress: None))
    muon, again, adamw = results
    assert muon.weights_sha256 == again.weights_sha256
    assert muon.weights_sha256 != adamw.weights_sha256
    assert muon.stable_checkpoint == adamw.stable_checkpoint
    assert ids[0] == ids[1] != ids[2]
    # The trial that does not name its optimiser is the one with AdamW.
    config = tiny_config(tmp_path / "a", tiny_root)
    assert tiny_trial(config, 0.5, 3).trial_id == ids[2]
    assert muon.curve[0].loss == adamw.curve[0].loss
    assert muon.curve[-1].loss != adamw.curve[-1].loss


def test_the_epsilon_is_part_of_a_recipe_only_where_it_is_not_torch_s() -> None:
    assert Optimiser(epsilon=1e-8).content_hash() == Optimiser().content_hash()
    assert Optimiser(epsilon=1e-12).content_hash() != Optimiser().content_hash()
