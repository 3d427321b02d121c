"""Where workers go: cores and GPUs by machine, because a trial cannot lie on two."""

import pytest

from mixtures.study import Resources
from workers.slots import Node, Slot, Slots, fitting, gpu_share

ONE = Resources()


def node(name: str, cpus: float, gpus: float = 0.0, state: str = "ok") -> Node:
    return Node.model_validate(
        {"id": name, "name": name, "cpus": cpus, "gpus": gpus, "state": state}
    )


def slots(*nodes: Node) -> Slots:
    return Slots({one.id: one for one in nodes})


def take(where: Slots, resources: Resources, number: int = 1) -> str:
    """Place as many workers; the machines that they went to."""
    names = ""
    for _ in range(number):
        found = where.place(resources)
        assert found is not None
        where.all.append(Slot(resources, None, num_taken=1, node=found[0].id))
        names += found[0].name
    return names


@pytest.mark.parametrize(
    ("cpus", "each", "fit"),
    [(4, 1, 4), (4, 1.5, 2), (4, 4, 1), (4, 4.5, 0), (0.3, 1, 0), (3.3, 1.1, 3), (0, 1, 0)],
)
def test_how_many_trials_fit_into_cores(cpus: float, each: float, fit: int) -> None:
    assert fitting(cpus, 0.0, Resources(cpus_per_trial=each)) == fit


@pytest.mark.parametrize(
    ("gpus", "each", "fit"),
    # Of 0.3 three fit on a GPU, of 0.6 one, of 0.5 two, of 2 one on three GPUs.
    [(1, 0.3, 3), (2, 0.6, 2), (2, 0.5, 4), (3, 2, 1), (0, 0.5, 0), (8, 1, 8), (1, 0.01, 100)],
)
def test_how_many_trials_fit_onto_gpus(gpus: float, each: float, fit: int) -> None:
    assert fitting(1000, gpus, Resources(gpus_per_trial=each)) == fit
    assert gpu_share(Resources(gpus_per_trial=each)) * fit <= gpus


@pytest.mark.parametrize("gpus", [1.5, 0.001])
def test_a_trial_has_a_part_of_a_gpu_or_whole_ones(gpus: float) -> None:
    with pytest.raises(ValueError, match="gpus_per_trial is"):
        Resources(gpus_per_trial=gpus)


def test_two_machines_of_two_cores_have_no_place_for_three() -> None:
    two = slots(node("a", 2), node("b", 2))
    assert two.num_slots(Resources(cpus_per_trial=3)) == 0
    assert two.place(Resources(cpus_per_trial=3)) is None
    assert two.num_slots(Resources(cpus_per_trial=2)) == 2


def test_workers_are_spread_and_end_where_nothing_is_free() -> None:
    both = slots(node("a", 2), node("b", 3))
    assert sorted(take(both, ONE, 5)) == list("aabbb")
    assert both.place(ONE) is None
    assert both.lacking(ONE) == {"CPU"}


def test_a_machine_that_is_refused_or_being_checked_has_no_place() -> None:
    three = slots(node("a", 2, state="refused"), node("b", 2, state="checking"), node("c", 1))
    assert take(three, ONE) == "c"
    assert three.place(ONE) is None


def test_machines_come_and_go_with_their_workers() -> None:
    where = slots(node("a", 1))
    take(where, ONE)
    new, gone = where.follow([node("a", 1), node("b", 1, state="checking")])
    assert ([one.name for one in new], gone) == (["b"], [])
    # Another look at the same machines changes nothing of what was found out.
    where.nodes["b"] = node("b", 1)
    assert where.follow([node("a", 1), node("b", 1, state="checking")]) == ([], [])
    assert take(where, ONE) == "b"
    _, gone = where.follow([node("b", 1)])
    assert [one.name for one in gone] == ["a"]
    assert [one.node for one in where.all] == ["b"]
    assert where.num_slots(ONE) == 1


def test_an_idle_worker_ends_only_where_it_makes_room() -> None:
    where = slots(node("a", 4), node("b", 2))
    take(where, Resources(cpus_per_trial=2), 3)
    for one in where.all:
        one.num_taken = int(one.node == "a" and one is not where.all[0])
    found = where.place(Resources(cpus_per_trial=3))
    assert found is None  # a has two of four free at most, b two in all
    found = where.place(ONE)
    assert found is not None
    assert len(found[1]) == 1
    assert where.with_seat(ONE) is None
    assert where.with_seat(Resources(cpus_per_trial=2)) is where.all[0]


def test_what_a_trial_waits_for_is_a_core_or_a_gpu() -> None:
    with_gpu = Resources(gpus_per_trial=0.5)
    where = slots(node("g", 8, gpus=1))
    take(where, with_gpu, 2)
    assert where.place(with_gpu) is None
    assert where.lacking(with_gpu) == {"GPU"}
    assert take(where, ONE, 6) == "g" * 6
    assert where.lacking(ONE) == {"CPU"}


def test_a_pack_has_its_resources_once_and_fills_up_before_another_begins() -> None:
    packed = Resources(gpus_per_trial=0.5, packed_trials=3)
    where = slots(node("g", 8, gpus=1))
    assert where.num_slots(packed) == 6
    assert where.num_slots(Resources(gpus_per_trial=0.5)) == 2
    take(where, packed, 2)
    first, second = where.all
    assert where.lacking(packed) == {"GPU"}
    second.num_taken = 2
    assert where.with_seat(packed) is second  # the fullest that has a seat
    second.num_taken = 3
    assert where.with_seat(packed) is first
    first.is_left = True
    assert where.with_seat(packed) is None


def test_a_pack_has_at_most_one_gpu() -> None:
    assert Resources(gpus_per_trial=1, packed_trials=64).packed_trials == 64
    with pytest.raises(ValueError, match="packed_trials is 2, and they train on one GPU"):
        Resources(gpus_per_trial=2, packed_trials=2)
