"""A study: one question about a mixture, and all that its trials share."""

from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from mixtures import design_size
from mixtures.baselines import baseline_mixtures, require_current_mixture_fits
from mixtures.benchmark import Benchmark
from mixtures.budget import Budget
from mixtures.choice_rule import ChoiceRule
from mixtures.claims import Claims, require_claims_fit
from mixtures.confirmation import Confirmation, require_confirmation_fits
from mixtures.factor_levels import require_factors_fit
from mixtures.factors import Axis, axes_of
from mixtures.mixture import Mixture
from mixtures.objective import Objective, require_metric_exists, require_weights_fit
from mixtures.phases import Decay, FullRun
from mixtures.polytope import Rule, conflict
from mixtures.proxy import Proxy
from mixtures.recipe import Recipe
from mixtures.repetition import MAX_EPOCHS, share_caps
from mixtures.resources import Resources as Resources
from mixtures.resources import require_packing_fits
from mixtures.search import Design, Search
from mixtures.space import Space, require_sources_exist, rules_of
from mixtures.subsets import require_subsets_fit
from mixtures.value import InvalidField, Name, Seed, Share, added, canonical_json, hash_text

# The share that the Xmodel-2 report took after over 400 trials (arXiv 2412.19638, section 2.3).
PAPER_SFT_SHARE = 0.64
KeepWeights = Literal["none", "small", "all"]
BYTES_PER_WEIGHT, SMALL_WEIGHTS_BYTES = 4, 8_000_000
KINDS: Final = ("pretrain", "sft")


class StudySpec(Recipe):
    """One question: the recipe, the space of trials, their seeds, the objective and the budget."""

    name: Name
    question: str = ""
    decay: Decay = Decay()
    full_run: FullRun | None = None
    space: Space
    proxies: dict[Name, Proxy] = added(
        {}, description="shapes by name, as levels of the factor proxy beside the presets"
    )
    seeds: tuple[Seed, ...] = Field(default=(0, 1), min_length=1)
    data_seeds: int = added(
        1,
        ge=1,
        le=16,
        description="subsets of the data that seeds take turns with: seed modulo this says which",
    )
    baselines: dict[Name, Share] = Field(
        default={"pretrain_only": 0.0, "paper": PAPER_SFT_SHARE},
        description="SFT shares that are always tried, and that every mixture is compared with",
    )
    max_epochs: float = added(
        MAX_EPOCHS, gt=0, description="a mixture that reads a source more often is warned of"
    )
    current_mixture: dict[Name, Share] | None = added(
        None, description="what is trained on now: the baseline `current`"
    )
    design: Design = added(Design())
    search: Search | None = added(None)
    confirmation: Confirmation | None = added(None, description="mixtures to try, not the space's")
    objective: Objective = Objective()
    recommend: ChoiceRule = added(
        "lowest_mean",
        description="which of the mixtures that cannot be told from the best is named",
    )
    budget: Budget = Budget()
    resources: Resources = Resources()
    # Small: of pico a thousand trials take 2.4 GB; of the 1.2b every trial takes 5.
    keep_weights: KeepWeights = added(
        "small",
        description="of trials, for an export: all, none, or where a trial's are at most 8 MB",
    )
    claims: Claims = added((), description="what the trials are to show; not part of the identity")

    @field_validator("seeds")
    @classmethod
    def _seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds are {list(seeds)}, expected distinct numbers")
        return seeds

    @model_validator(mode="after")
    def _space_fits(self) -> Self:
        self._require_full_run_fits()
        require_weights_fit(self.objective, self.benchmarks)
        # What a task file gives is known once it is read.
        known = {
            one.name: one.metrics for one in self.benchmarks if one.task is None and not one.outside
        }
        require_metric_exists(self.objective, known)
        require_sources_exist(self.space, self.sources)
        require_factors_fit(self)
        design_size.require_short_decay_fits(self)
        require_subsets_fit(self)
        require_current_mixture_fits(self)
        require_confirmation_fits(self)
        require_packing_fits(self)
        self._require_sft_shares_can_be_made()
        if self.space.has_rules or self.space.free_groups:
            self._require_space_holds_a_mixture()
        if self.space.is_sweep and self.design != Design():
            raise InvalidField(
                "design",
                self.design.model_dump(mode="json"),
                "space.sft_share lists all mixtures; design is for space.sft_share_range, "
                "space.free_groups or a factor with a range",
            )
        self._require_first_trials_fit_the_budget()
        require_claims_fit(self, self.claims)
        return self

    def _require_sft_shares_can_be_made(self) -> None:
        kinds = {source.kind for source in self.sources}
        wanted = (*self.space.sft_share, *(self.space.sft_share_range or ()))
        if "sft" not in kinds and (self.space.is_line or any(wanted)):
            raise InvalidField(
                "sources",
                [source.name for source in self.sources],
                "sources has none of kind 'sft'; there is no SFT share to search. To search the "
                "pretraining sources alone, give space: {sft_share: [0], free_groups: [pretrain]}",
            )
        if "pretrain" not in kinds and any(share < 1 for share in wanted):
            raise InvalidField(
                "space.sft_share",
                list(self.space.sft_share),
                "sources has none of kind 'pretrain', so the SFT share is 1: give "
                "space: {sft_share: [1], free_groups: [sft]}",
            )

    def _require_space_holds_a_mixture(self) -> None:
        for sft_share in self.space.slices:
            clash = conflict(self.space_rules(sft_share))
            if clash:
                raise InvalidField(
                    clash[-1].field,
                    [rule.name for rule in clash],
                    "no mixture keeps "
                    + (
                        clash[0].name or ""
                        if len(clash) == 1
                        else "these together: " + "; ".join(rule.name or "" for rule in clash)
                    )
                    + ". Loosen one, or leave it out",
                )

    def _require_first_trials_fit_the_budget(self) -> None:
        num_trials = self.num_first_trials
        if num_trials > self.budget.max_trials:
            raise InvalidField(
                "budget.max_trials",
                self.budget.max_trials,
                f"space and baselines make {num_trials} trials, budget.max_trials allows "
                f"{self.budget.max_trials}; raise the budget or try fewer shares or seeds",
            )
        tokens = num_trials * self.tokens_per_trial
        if self.budget.max_tokens is not None and tokens > self.budget.max_tokens:
            raise InvalidField(
                "budget.max_tokens",
                self.budget.max_tokens,
                f"the first {num_trials} trials of {self.tokens_per_trial:,} tokens each read "
                f"{tokens:,}; raise the budget or try fewer mixtures or seeds",
            )

    def _require_full_run_fits(self) -> None:
        if self.full_run is None:
            return
        if self.full_run.decay_tokens < self.decay.tokens:
            raise InvalidField(
                "full_run.decay_tokens",
                self.full_run.decay_tokens,
                f"full_run.decay_tokens {self.full_run.decay_tokens} is less than the proxy's "
                f"decay.tokens {self.decay.tokens}",
            )
        names = [source.name for source in self.sources]
        for name, tokens in self.full_run.unique_tokens.items():
            if name not in names or tokens < 1:
                raise InvalidField(
                    f"full_run.unique_tokens.{name}",
                    tokens,
                    f"full_run.unique_tokens[{name!r}] is {tokens}, expected at least 1 token of "
                    f"one of the sources {names}",
                )

    def identity(self) -> dict[str, Any]:
        """What makes it this study: all but its claims, which are questions to the same trials."""
        return self.model_dump(mode="json", exclude={"claims"})

    def content_hash(self, length: int = 16) -> str:
        """Of `identity()`: a study stays the one it is when a claim is put to it."""
        return hash_text(canonical_json(self.identity()), length)

    def keeps_weights_of(self, proxy: Proxy) -> bool:
        """Whether a trial of this proxy, which a factor may have chosen, leaves its final weights
        behind.
        """
        is_small = proxy.num_parameters * BYTES_PER_WEIGHT <= SMALL_WEIGHTS_BYTES
        return self.keep_weights == "all" or (self.keep_weights == "small" and is_small)

    @property
    def known_tokens(self) -> dict[str, int]:
        """Tokens of the sources of which the study says how many the full run has."""
        told = {one.name: one.tokens for one in self.sources if one.tokens is not None}
        return told | (self.full_run.unique_tokens if self.full_run else {})

    @property
    def baseline_mixtures(self) -> dict[str, Mixture]:
        """By name: always tried, and what every mixture is compared with."""
        return baseline_mixtures(
            self, self.baselines, self.current_mixture, self.known_tokens, not self.space.is_sweep
        )

    def data_seed_of(self, seed: int) -> int | None:
        """Which subsets a trial with this seed reads; None for those of the recipe's data_seed."""
        number = seed % self.data_seeds
        return self.data_seed + number if number else None

    def space_rules(self, sft_share: float | None) -> list[Rule]:
        """What a mixture of the space keeps; `sft_share` is one of `space.slices`."""
        inside = {kind: self.shares_in_group(kind) for kind in KINDS}
        caps = {}
        if self.space.cap_epochs:
            caps = share_caps(self.max_epochs, self.decay, self.full_run, self.known_tokens)
        return rules_of(self.space, self.sources, inside, caps, sft_share)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The factors, in the order of their names."""
        return axes_of(self.space.factors)

    @property
    def compared_within(self) -> tuple[str, ...]:
        """The factors of which no best level is sought: mixtures are compared at each of theirs."""
        return tuple(axis.name for axis in self.axes if axis.is_each)

    @property
    def tokens_per_trial(self) -> int:
        return design_size.tokens_per_trial(self)

    @property
    def short_tokens(self) -> int | None:
        return design_size.short_tokens(self)

    @property
    def trials_differ_in_tokens(self) -> bool:
        return "decay.tokens" in self.space.factors or self.short_tokens is not None

    @property
    def num_design_mixtures(self) -> int:
        return design_size.num_design_mixtures(self)

    @property
    def num_first_trials(self) -> int:
        return design_size.num_first_trials(self)

    @property
    def ranked_benchmarks(self) -> tuple[Benchmark, ...]:
        """Those that have the objective's metric; each that weighs something is among them."""
        return tuple(
            one
            for one in self.benchmarks
            if self.objective.metric in one.metrics
            or ((one.task is not None or one.outside) and self.objective.weight_of(one.name) > 0)
        )

    @property
    def recipe(self) -> Recipe:
        """What goes into every trial's spec."""
        return Recipe.model_validate({name: getattr(self, name) for name in Recipe.model_fields})
