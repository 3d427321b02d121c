"""The proxy: the small Xmodel-2 that is trained in place of the full model.

Shapes are from the Xmodel-2 report (arXiv 2412.19638, Table 1) and its authors' preset table; the
paper's 6M and 54M are non-embedding counts with as many KV heads as heads. Where the sources
disagree the choice is a field, its default the report's.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mixtures.value import InvalidField, Value, added

Preset = Literal["pico", "nano", "micro", "tiny", "small", "medium", "1.2b"]
# A plain number is for checkpoints of other families, which Granite's format allows.
AttentionScale = Literal["1/sqrt(h)", "1/h"] | Annotated[float, Field(gt=0)]
OutputInit = Literal["like_other_weights", "by_depth"]

# The report's vocabulary (section 2.1) and context (Table 1).
PAPER_VOCAB_SIZE, PAPER_CONTEXT_TOKENS = 65_280, 4096


def _shape(
    num_layers: int, width: int, num_heads: int, num_kv_heads: int, ffn_width: int
) -> dict[str, int]:
    return {
        "num_layers": num_layers,
        "width": width,
        "num_heads": num_heads,
        "num_kv_heads": num_kv_heads,
        "ffn_width": ffn_width,
    }


SHAPE_FIELDS = tuple(_shape(0, 0, 0, 0, 0))
_PAPER = {"vocab_size": PAPER_VOCAB_SIZE, "context_tokens": PAPER_CONTEXT_TOKENS}
PRESETS: dict[str, dict[str, int]] = {
    # Ours, for one CPU core: the 1.2B's grouping of three query heads on one KV head.
    "pico": _shape(4, 96, 3, 1, 256) | {"vocab_size": 2048, "context_tokens": 256},
    # For a CPU give these a smaller vocabulary and context: {preset: nano, vocab_size: 2048,
    # context_tokens: 256}.
    "nano": _shape(8, 256, 4, 4, 640) | _PAPER,
    "micro": _shape(12, 384, 6, 1, 960) | _PAPER,
    "tiny": _shape(18, 512, 8, 8, 1280) | _PAPER,
    "small": _shape(30, 576, 9, 3, 1440) | _PAPER,
    "medium": _shape(32, 960, 15, 5, 2400) | _PAPER,
    "1.2b": _shape(48, 1536, 24, 8, 3840) | _PAPER,
}


class Proxy(Value):
    """Shape and muP multipliers of the model. A preset fills the shape; any field overrides it."""

    preset: Preset = "pico"
    num_layers: int = Field(ge=1, le=256)
    width: int = Field(ge=2, le=16_384)
    num_heads: int = Field(ge=1)
    num_kv_heads: int = Field(ge=1)
    ffn_width: int = Field(ge=1)
    vocab_size: int = Field(ge=2, le=262_144)
    context_tokens: int = Field(ge=1, le=131_072)
    tied_embedding: bool = True
    # 10,000: default of the authors' configuration file; 500,000: their training of Xmodel-2.5.
    rope_base: float = Field(default=10_000.0, gt=0)
    rms_norm_eps: float = added(1e-5, gt=0)
    # Xmodel-2 keeps MiniCPM's muP values (arXiv 2404.06395, section 3); FACTS: not in the report.
    scale_emb: float = Field(default=12.0, gt=0)
    scale_depth: float = Field(default=1.4, gt=0)
    dim_model_base: int = Field(default=256, ge=1)
    init_std: float = Field(default=0.1, gt=0)
    # Their configuration file has a scale of its own for each branch, both 1.4, and one of the
    # logits (s_o), 1.
    mlp_scale_depth: float | None = added(
        None, gt=0, description="of the MLP's branch; scale_depth when not given"
    )
    output_multiplier: float = added(1.0, gt=0)
    # 1/sqrt(h): the report's recipe, which is MiniCPM's ("we do not apply the attention softmax
    # scaling techniques"); 1/h: the authors' code, Hugging Face and Megatron, with muP on.
    attention_scale: AttentionScale = added("1/sqrt(h)")
    # like_other_weights: init_std / sqrt(m), the authors' Hugging Face file; by_depth: init_std /
    # sqrt(2 L), not divided by sqrt(m), their Megatron fork. Of o_proj and down_proj alone.
    output_init: OutputInit = added("like_other_weights")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """As it is written: a preset's name, or fields of which a preset gives the rest."""
        described = handler(schema)
        handler.resolve_ref_schema(described).pop("required", None)
        return {"anyOf": [{"type": "string", "enum": list(PRESETS)}, described]}

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_the_shape(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"preset": data}
        if isinstance(data, dict):
            preset = data.get("preset", "pico")
            if preset not in list(PRESETS):
                # Said here, or each part of the shape that it would have filled is said to lack.
                raise InvalidField("preset", preset, f"expected one of {', '.join(PRESETS)}")
            return {**PRESETS[preset], **data}
        return data

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.num_heads or (self.width // self.num_heads) % 2:
            raise InvalidField(
                "num_heads",
                self.num_heads,
                f"width {self.width} over num_heads {self.num_heads} must be an even head size",
            )
        if self.num_heads % self.num_kv_heads:
            raise InvalidField(
                "num_kv_heads",
                self.num_kv_heads,
                f"num_heads {self.num_heads} must be a multiple of num_kv_heads "
                f"{self.num_kv_heads}",
            )
        return self

    def as_written(self) -> dict[str, Any]:
        """The shortest form that gives this proxy: what is written in a study."""
        fields = self.model_dump(mode="json", exclude={"preset"})
        for name, shape in PRESETS.items():
            if all(fields[key] == shape[key] for key in SHAPE_FIELDS):
                plain = Proxy.model_validate(name).model_dump(mode="json")
                changed = {k: v for k, v in fields.items() if v != plain.get(k)}
                return {"preset": name, **changed}
        plain = Proxy.model_validate("pico").model_dump(mode="json")
        always = (*SHAPE_FIELDS, *_PAPER)
        return {k: v for k, v in fields.items() if k in always or v != plain.get(k)}

    @property
    def title(self) -> str:
        """The preset's name, or the shape where it is no preset's."""
        name = self.as_written().get("preset")
        return name or f"{self.num_layers} layers, width {self.width}"

    @property
    def head_width(self) -> int:
        return self.width // self.num_heads

    @property
    def width_ratio(self) -> float:
        """m = d / d_base of the muP rules (Xmodel-2, Table 6)."""
        return self.width / self.dim_model_base

    @property
    def logits_divisor(self) -> float:
        """What the logits are divided by: m / s_o."""
        return self.width_ratio / self.output_multiplier

    @property
    def attention_multiplier(self) -> float:
        """What q k is multiplied with before the softmax."""
        if self.attention_scale == "1/h":
            return 1.0 / self.head_width
        if self.attention_scale == "1/sqrt(h)":
            return 1.0 / math.sqrt(self.head_width)
        return self.attention_scale

    @property
    def attention_residual_multiplier(self) -> float:
        """scale_depth / sqrt(L): L is the number of layers, not of branches (Table 6)."""
        return self.scale_depth / math.sqrt(self.num_layers)

    @property
    def mlp_residual_multiplier(self) -> float:
        """The same for the MLP's branch."""
        return (self.mlp_scale_depth or self.scale_depth) / math.sqrt(self.num_layers)

    @property
    def num_non_embedding_parameters(self) -> int:
        """L * (2dHh + 2dKh + 3dF + 2d) + d; gives MiniCPM-1.2B's 1,247,442,432 (Table 2)."""
        d, kv = self.width, self.num_kv_heads * self.head_width
        return self.num_layers * (2 * d * d + 2 * d * kv + 3 * d * self.ffn_width + 2 * d) + d

    @property
    def num_parameters(self) -> int:
        tables = 1 if self.tied_embedding else 2
        return self.num_non_embedding_parameters + tables * self.vocab_size * self.width


def first_difference(one: Proxy, other: Proxy) -> tuple[str, Any, Any] | None:
    """The first field in which two proxies are other functions of their weights, or None.

    (name, one's value, the other's). The context and what only a new model needs (init) do not
    count; multipliers are compared by what they come to, so that 1/h equals its number.
    """
    for name in (*SHAPE_FIELDS, "vocab_size", "tied_embedding"):
        if getattr(one, name) != getattr(other, name):
            return name, getattr(one, name), getattr(other, name)
    for name, effect in _EFFECTS.items():
        values = getattr(one, effect), getattr(other, effect)
        # Another format may store scale_depth / sqrt(L), which is off by a rounding at most.
        if not math.isclose(*values, rel_tol=1e-9):
            told = getattr(one, name), getattr(other, name)
            return (name, *told) if told[0] != told[1] else (effect, *values)
    return None


# What each multiplier's field comes to in the forward pass.
_EFFECTS = {
    "rope_base": "rope_base",
    "rms_norm_eps": "rms_norm_eps",
    "scale_emb": "scale_emb",
    "scale_depth": "attention_residual_multiplier",
    "mlp_scale_depth": "mlp_residual_multiplier",
    "attention_scale": "attention_multiplier",
    "dim_model_base": "logits_divisor",
}
