"""What a trial takes of the cluster, and which trials can be trained together as one program."""

from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator

from mixtures.value import InvalidField, Value, added

if TYPE_CHECKING:
    from mixtures.study import StudySpec


class Resources(Value):
    """What one trial takes of the cluster, all of it on one machine.

    A trial trains on one core, whatever it reserves; a pack of trials on its GPU, if it has one. A
    part of a GPU is a part of its place, of which nobody holds a trial to its share.
    """

    cpus_per_trial: float = Field(default=1.0, ge=1.0)
    timeout_seconds: float | None = added(
        None, gt=0, description="an attempt that takes longer is ended; never, when not given"
    )
    gpus_per_trial: float = added(0.0, ge=0.0, description="a part of one, or whole ones")
    packed_trials: int = added(
        1,
        ge=1,
        le=64,
        description="trials that one worker trains at once, as one program; what a trial takes of "
        "cores and GPUs is then reserved once for all of them",
    )

    @field_validator("gpus_per_trial")
    @classmethod
    def _a_part_or_whole_ones(cls, gpus: float) -> float:
        if gpus > 1 and gpus != int(gpus):
            raise ValueError(f"gpus_per_trial is {gpus:g}, expected a part of 1 or a whole number")
        if 0 < gpus < 0.01:
            raise ValueError(f"gpus_per_trial is {gpus:g}, expected 0, or 0.01 and more")
        return gpus

    @model_validator(mode="after")
    def _a_pack_has_one_gpu(self) -> Self:
        if self.packed_trials > 1 and self.gpus_per_trial > 1:
            raise InvalidField(
                "gpus_per_trial",
                self.gpus_per_trial,
                f"packed_trials is {self.packed_trials}, and they train on one GPU: expected at "
                "most 1",
            )
        return self


def require_packing_fits(study: "StudySpec") -> None:
    """Raises InvalidField where trials of the study cannot be trained as one program."""
    packed = study.resources.packed_trials
    levels = study.space.factors.get("decay.optimiser", ())
    wanted = {
        "decay.optimiser": study.decay.optimiser == "muon",
        "space.factors.decay.optimiser": isinstance(levels, tuple) and "muon" in levels,
    }
    for field, is_muon in wanted.items():
        if packed > 1 and is_muon:
            raise InvalidField(
                field,
                "muon",
                f"resources.packed_trials is {packed}, and packed trials are trained by 'adamw' "
                "alone; leave muon out, or packed_trials",
            )
