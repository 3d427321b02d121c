"""A study: one question about a mixture, and all that its trials share."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mixtures.benchmark import Benchmark
from mixtures.mixture import Mixture, mixture_of_sft_share, require_sum_to_one
from mixtures.objective import Objective, require_metric_exists, require_weights_fit
from mixtures.phases import Decay, FullRun, Optimiser, StablePhase
from mixtures.proxy import Proxy
from mixtures.repetition import MAX_EPOCHS
from mixtures.screening import Decontamination, NearDuplicates
from mixtures.source import Kind, Source
from mixtures.value import InvalidField, Name, Seed, Share, Value, added

# The share that the Xmodel-2 report took after over 400 trials (arXiv 2412.19638, section 2.3).
PAPER_SFT_SHARE = 0.64
KeepWeights = Literal["none", "small", "all"]
BYTES_PER_WEIGHT, SMALL_WEIGHTS_BYTES = 4, 8_000_000
# A context holds some prompt and an answer; a tokenizer is trained over 256 bytes and specials.
LEAST_CONTEXT_TOKENS, LEAST_VOCAB_SIZE = 16, 300


LossOn = Literal["all", "response"]


class TokenizerFile(Value):
    """A `tokenizer.json` of the Hugging Face tokenizers library."""

    file: str = Field(description="relative to a data root")
    end_token: str | None = Field(
        default=None, description="ends a document; one of the usual names when not given"
    )


class Recipe(Value):
    """All that two trials of a study have in common: the data, the model and the stable phase.

    `data_seed` picks subsets: of a source (`max_bytes`), of documents held out, of benchmark items.
    It is apart from the trials' seeds, which order the tokens, so that both noises can be told
    apart. `pretrain_shares` and `sft_shares` are the shares inside each group, uniform by default.
    """

    proxy: Proxy = Field(default_factory=lambda: Proxy.model_validate("pico"))
    sources: tuple[Source, ...] = Field(min_length=1)
    pretrain_shares: dict[Name, Share] | None = None
    sft_shares: dict[Name, Share] | None = None
    benchmarks: tuple[Benchmark, ...] = Field(min_length=1)
    stable: StablePhase = StablePhase()
    # torch's generator takes 64 bits.
    stable_seed: int = Field(default=0, ge=0, le=2**63 - 1)
    optimiser: Optimiser = Optimiser()
    data_seed: int = Field(default=0, ge=0)
    loss_on: LossOn = added(
        "all", description="response: not on the prompts of SFT items; plain text is all counted"
    )
    tokenizer: TokenizerFile | None = added(
        None,
        description="one of the user's; else that of stable.checkpoint, else one of "
        "proxy.vocab_size pieces is trained on the sources",
    )
    decontamination: Decontamination = added("drop")
    near_duplicates: NearDuplicates = added(
        "drop", description="of SFT sources, inside and across: the first is kept"
    )

    @field_validator("sources", "benchmarks")
    @classmethod
    def _names_are_unique(
        cls, values: Sequence[Source | Benchmark]
    ) -> Sequence[Source | Benchmark]:
        for name, count in Counter(value.name for value in values).items():
            if count > 1:
                raise ValueError(f"the name {name!r} is given {count} times, expected once")
        return values

    @model_validator(mode="after")
    def _groups_fit_the_sources(self) -> Self:
        for kind, field in (("pretrain", "pretrain_shares"), ("sft", "sft_shares")):
            names = {source.name for source in self.sources if source.kind == kind}
            shares = getattr(self, field)
            if kind == "pretrain" and not names:
                raise InvalidField(
                    "sources",
                    [source.name for source in self.sources],
                    "sources has none of kind 'pretrain'; the stable phase needs one",
                )
            if shares is None:
                continue
            for name in shares.keys() - names:
                raise InvalidField(
                    f"{field}.{name}",
                    shares[name],
                    f"{field} names {name!r}; sources of kind {kind!r}: {sorted(names)}",
                )
            require_sum_to_one(shares, field)
        return self

    @model_validator(mode="after")
    def _held_out_names_a_pretraining_source(self) -> Self:
        names = sorted(source.name for source in self.sources if source.kind == "pretrain")
        for index, benchmark in enumerate(self.benchmarks):
            if benchmark.held_out is not None and benchmark.held_out not in names:
                raise InvalidField(
                    f"benchmarks.{index}.held_out",
                    benchmark.held_out,
                    f"benchmark {benchmark.name!r} holds out {benchmark.held_out!r}; "
                    f"the pretraining sources are {names}",
                )
        return self

    @model_validator(mode="after")
    def _batch_holds_whole_sequences(self) -> Self:
        batch, context = self.optimiser.batch_tokens, self.proxy.context_tokens
        if batch % context:
            raise InvalidField(
                "optimiser.batch_tokens",
                batch,
                f"optimiser.batch_tokens {batch} must be a multiple of "
                f"proxy.context_tokens {context}",
            )
        return self

    @model_validator(mode="after")
    def _one_tokenizer(self) -> Self:
        if self.tokenizer is not None and self.stable.checkpoint is not None:
            raise InvalidField(
                "tokenizer",
                self.tokenizer.file,
                f"stable.checkpoint {self.stable.checkpoint!r} has its own; leave this out",
            )
        return self

    @model_validator(mode="after")
    def _proxy_and_stable_phase_fit(self) -> Self:
        proxy, checkpoint = self.proxy, self.stable.checkpoint
        if proxy.context_tokens < LEAST_CONTEXT_TOKENS:
            raise InvalidField(
                "proxy.context_tokens",
                proxy.context_tokens,
                f"expected at least {LEAST_CONTEXT_TOKENS}",
            )
        if checkpoint is None and proxy.vocab_size < LEAST_VOCAB_SIZE:
            raise InvalidField(
                "proxy.vocab_size",
                proxy.vocab_size,
                f"expected at least {LEAST_VOCAB_SIZE}: every byte has a token of its own",
            )
        if checkpoint is not None and self.stable_seed:
            raise InvalidField(
                "stable_seed",
                self.stable_seed,
                f"nothing is drawn from it where stable.checkpoint is {checkpoint!r}; leave it out",
            )
        return self

    def shares_in_group(self, kind: Kind) -> dict[str, float]:
        """The shares inside one group, over all its sources, summing to 1; empty for no source."""
        names = [source.name for source in self.sources if source.kind == kind]
        given = self.pretrain_shares if kind == "pretrain" else self.sft_shares
        if given is None:
            return {name: 1.0 / len(names) for name in names}
        return {name: given.get(name, 0.0) for name in names}

    def mixture_at(self, sft_share: float) -> Mixture:
        """The mixture with this share of SFT; raises InvalidField where there is no SFT source."""
        sft_group = self.shares_in_group("sft")
        if not sft_group and sft_share > 0:
            raise InvalidField(
                "sft_share", sft_share, f"sft_share is {sft_share}, but no source is of kind 'sft'"
            )
        return mixture_of_sft_share(sft_share, self.shares_in_group("pretrain"), sft_group)


class Space(Value):
    """The mixtures that the study tries: a sweep of the SFT share."""

    sft_share: tuple[Share, ...] = Field(min_length=1)

    @field_validator("sft_share")
    @classmethod
    def _each_once(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for value, count in Counter(values).items():
            if count > 1:
                raise ValueError(f"sft_share {value} is given {count} times, expected once")
        return values


class Budget(Value):
    """What the study may cost."""

    max_trials: int = Field(default=1000, ge=1, le=100_000)


class Resources(Value):
    """What one trial takes of the cluster. A trial trains on one core, whatever it reserves."""

    cpus_per_trial: float = Field(default=1.0, ge=1.0)


class StudySpec(Recipe):
    """One question: the recipe, the space of trials, their seeds, the objective and the budget."""

    name: Name
    question: str = ""
    decay: Decay = Decay()
    full_run: FullRun | None = None
    space: Space
    seeds: tuple[Seed, ...] = Field(default=(0, 1), min_length=1)
    baselines: dict[Name, Share] = Field(
        default={"pretrain_only": 0.0, "paper": PAPER_SFT_SHARE},
        description="SFT shares that are always tried, and that every mixture is compared with",
    )
    max_epochs: float = added(
        MAX_EPOCHS, gt=0, description="a mixture that reads a source more often is warned of"
    )
    objective: Objective = Objective()
    budget: Budget = Budget()
    resources: Resources = Resources()
    # Small: of pico a thousand trials take 2.4 GB; of the 1.2b every trial takes 5.
    keep_weights: KeepWeights = added(
        "small",
        description="of trials, for an export: all, none, or where a trial's are at most 8 MB",
    )

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
        known = {one.name: one.metrics for one in self.benchmarks if one.task is None}
        require_metric_exists(self.objective, known)
        if not any(source.kind == "sft" for source in self.sources):
            raise InvalidField(
                "sources",
                [source.name for source in self.sources],
                "sources has none of kind 'sft'; there is no SFT share to search",
            )
        num_trials = len({*self.space.sft_share, *self.baselines.values()}) * len(self.seeds)
        if num_trials > self.budget.max_trials:
            raise InvalidField(
                "budget.max_trials",
                self.budget.max_trials,
                f"space and baselines make {num_trials} trials, budget.max_trials allows "
                f"{self.budget.max_trials}; raise the budget or try fewer shares or seeds",
            )
        return self

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

    @property
    def keeps_weights(self) -> bool:
        """Whether its trials leave their final weights behind."""
        is_small = self.proxy.num_parameters * BYTES_PER_WEIGHT <= SMALL_WEIGHTS_BYTES
        return self.keep_weights == "all" or (self.keep_weights == "small" and is_small)

    @property
    def ranked_benchmarks(self) -> tuple[Benchmark, ...]:
        """Those that have the objective's metric; each that weighs something is among them."""
        return tuple(
            one
            for one in self.benchmarks
            if self.objective.metric in one.metrics
            or (one.task is not None and self.objective.weight_of(one.name) > 0)
        )

    @property
    def recipe(self) -> Recipe:
        """What goes into every trial's spec."""
        return Recipe.model_validate({name: getattr(self, name) for name in Recipe.model_fields})
