"""A recipe: all that two trials of a study have in common."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mixtures.benchmark import Benchmark
from mixtures.mixture import Mixture, mixture_of_sft_share, require_sum_to_one
from mixtures.outside import TrainedBy, require_fits_its_trainer, with_outside_benchmarks
from mixtures.phases import Optimiser, StablePhase
from mixtures.proxy import Proxy
from mixtures.screening import Decontamination, NearDuplicates
from mixtures.source import Kind, Source
from mixtures.value import InvalidField, Name, Share, Value, added

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
    trained_by: TrainedBy = added(
        "workers",
        description="outside: whoever asks for trials trains them and tells their scores",
    )

    @model_validator(mode="before")
    @classmethod
    def _outside_benchmarks_need_names_alone(cls, data: Any) -> Any:
        return with_outside_benchmarks(data)

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
    def _fits_its_trainer(self) -> Self:
        require_fits_its_trainer(self, self.trained_by)
        return self

    @model_validator(mode="after")
    def _groups_fit_the_sources(self) -> Self:
        for kind, field in (("pretrain", "pretrain_shares"), ("sft", "sft_shares")):
            names = {source.name for source in self.sources if source.kind == kind}
            shares = getattr(self, field)
            if kind == "pretrain" and not names and self.trained_by == "workers":
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
        """The mixture with this share of SFT; raises InvalidField where a kind has no source."""
        sft_group = self.shares_in_group("sft")
        if not sft_group and sft_share > 0:
            raise InvalidField(
                "sft_share", sft_share, f"sft_share is {sft_share}, but no source is of kind 'sft'"
            )
        pretrain_group = self.shares_in_group("pretrain")
        if not pretrain_group and sft_share < 1:
            raise InvalidField(
                "sft_share",
                sft_share,
                f"sft_share is {sft_share}, but no source is of kind 'pretrain'",
            )
        return mixture_of_sft_share(sft_share, pretrain_group, sft_group)
