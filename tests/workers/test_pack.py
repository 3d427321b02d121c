"""A pack: trials that train as one program, and of which none notices who sits beside it."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from mixtures.phases import Optimiser
from mixtures.study import Resources
from tests.waiting import wait_until
from tests.workers.test_packed import stream_of
from tests.workers.tiny_study import tiny_proxy, tiny_study
from workers.optim import make_optimiser
from workers.pack import Pack, Packs, Seat
from workers.packed import Packed
from workers.train import NotFiniteLoss
from workers.xmodel2 import Xmodel2

SPEC = Optimiser(peak_lr=0.01, batch_tokens=4 * 32)
STEPS = 4
# What a trial's thread came to: a hash of its bytes and its losses, or an error.
Outcome = Any


def model_of(seed: int, **shape: Any) -> Xmodel2:
    """One with a weight that is no number, where the seed is negative."""
    model = Xmodel2(tiny_proxy(**shape))
    model.init_weights(abs(seed))
    if seed < 0:
        with torch.no_grad():
            model.model.norm.weight[3] = float("nan")
    return model


def trained(
    pack: Pack, seeds: list[int], steps: Sequence[int] = (STEPS,) * 3, **shape: Any
) -> list[Outcome]:
    """Trials that take the seats in this order and then go through their steps together."""
    torch.set_num_threads(1)
    gate = threading.Event()
    outcomes: list[Outcome] = [None] * len(seeds)

    def run(place: int, seed: int) -> None:
        model = model_of(seed, **shape)
        optimiser = make_optimiser(model, SPEC)

        def factor(index: int) -> float:
            assert gate.wait(60)
            return 1.0 - index / STEPS

        training = Seat(pack).train(
            model, optimiser, stream_of(abs(seed), 0.3), SPEC, steps[place], factor
        )
        try:
            losses = [step.loss for step in training]
            state = [one["exp_avg_sq"] for one in optimiser.state.values()]
            weights = [weight.detach() for weight in model.parameters()]
            outcomes[place] = losses, [tensor.numpy().tobytes() for tensor in (*weights, *state)]
        except Exception as error:
            outcomes[place] = error

    threads = []
    for place, seed in enumerate(seeds):
        threads.append(threading.Thread(target=run, args=(place, seed)))
        threads[-1].start()
        wait_until(lambda place=place: len(pack._taken) > place)
    gate.set()
    for thread in threads:
        thread.join(60)
    return outcomes


def pack_of(num_seats: int) -> Pack:
    return Pack(num_seats, "cpu", threading.Lock())


@pytest.mark.parametrize("shape", [{}, {"width": 20, "ffn_width": 27, "vocab_size": 401}])
def test_a_trial_gets_the_same_bytes_in_every_seat_and_company(shape: dict[str, Any]) -> None:
    alone = trained(pack_of(3), [5], **shape)[0]
    assert len(alone[0]) == STEPS
    for seeds in ([5, 6, 7], [8, 5], [7, 9, 5]):
        assert trained(pack_of(3), seeds, **shape)[seeds.index(5)] == alone, seeds
    # Seats are taken again: what sat there before is gone.
    pack = pack_of(3)
    trained(pack, [6, 7, 8], **shape)
    assert trained(pack, [9, 5], **shape)[1] == alone


def test_a_loss_that_is_no_number_ends_its_own_trial_alone() -> None:
    together = trained(pack_of(3), [7, -6, 5])
    assert isinstance(together[1], NotFiniteLoss)
    assert str(together[1]) == f"loss is nan at step 0 of {STEPS}"
    assert [together[0], together[2]] == trained(pack_of(3), [7, 5])


def test_a_trial_that_ends_earlier_keeps_nobody_waiting() -> None:
    pack = pack_of(2)
    losses = [losses for losses, _ in trained(pack, [6, 5], steps=(1, STEPS))]
    assert [len(one) for one in losses] == [1, STEPS]
    assert losses[1] == trained(pack_of(2), [5])[0][0]
    assert not pack._taken


def test_an_error_in_the_step_of_all_is_each_ones_and_the_next_begin_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack, alone = pack_of(2), trained(pack_of(2), [5])[0]
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> list[float]:
            raise RuntimeError("not enough memory: you tried to allocate 1 byte")

        patch.setattr(Packed, "step", fail)
        outcomes = trained(pack, [5, 6])
    assert [str(one).partition(":")[0] for one in outcomes] == ["not enough memory"] * 2
    assert outcomes[0] is not outcomes[1]
    assert trained(pack, [5])[0] == alone


def test_trials_share_a_pack_where_its_program_is_the_same() -> None:
    packs, two = Packs(threading.Lock()), Resources(packed_trials=2)
    recipe = tiny_study().recipe
    assert packs.seat(recipe, Resources()) is None
    first, others = packs.seat(recipe, two), {}
    changes: dict[str, dict[str, Any]] = {
        "a rate": {"optimiser": {"batch_tokens": 256, "peak_lr": 0.002}},
        "a decay of the norm": {"optimiser": {"batch_tokens": 256, "clip_norm": 0.5}},
        "a batch": {"optimiser": {"batch_tokens": 512}},
        "a loss": {"loss_on": "response"},
        "a proxy": {"proxy": {**recipe.proxy.model_dump(mode="json"), "ffn_width": 96}},
    }
    for name, change in changes.items():
        others[name] = packs.seat(tiny_study(**change).recipe, two)
    assert first is not None
    shared = {name for name, seat in others.items() if seat and seat._pack is first._pack}
    assert shared == {"a rate"}
    # Nobody holds a pack whose last trial has left, but the last.
    others.clear()
    del first
    assert len(packs._packs) == 1


def test_a_gpu_that_is_reserved_and_not_there_is_an_error() -> None:
    packs = Packs(threading.Lock())
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    with pytest.raises(RuntimeError, match=r"gpus_per_trial is 0.25, and torch .* finds no GPU"):
        packs.seat(tiny_study().recipe, Resources(packed_trials=2, gpus_per_trial=0.25))
