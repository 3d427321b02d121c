"""The proxy: the small Xmodel-2 that is trained in place of the full model.

Shapes are from the Xmodel-2 report (arXiv 2412.19638, Table 1) and its authors' preset table; the
paper's 6M and 54M are non-embedding counts with as many KV heads as heads.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mixtures.value import Value

Preset = Literal["pico", "nano", "micro", "tiny", "1.2b"]

PRESETS: dict[str, dict[str, int]] = {
    # Ours, for one CPU core: the 1.2B's grouping of three query heads on one KV head.
    "pico": {"num_layers": 4, "width": 96, "num_heads": 3, "num_kv_heads": 1, "ffn_width": 256},
    "nano": {"num_layers": 8, "width": 256, "num_heads": 4, "num_kv_heads": 4, "ffn_width": 640},
    "micro": {"num_layers": 12, "width": 384, "num_heads": 6, "num_kv_heads": 1, "ffn_width": 960},
    "tiny": {"num_layers": 18, "width": 512, "num_heads": 8, "num_kv_heads": 8, "ffn_width": 1280},
    "1.2b": {
        "num_layers": 48,
        "width": 1536,
        "num_heads": 24,
        "num_kv_heads": 8,
        "ffn_width": 3840,
    },
}


class Proxy(Value):
    """Shape and muP multipliers of the model. A preset fills the shape; any field overrides it."""

    preset: Preset = "pico"
    num_layers: int = Field(ge=1, le=256)
    width: int = Field(ge=8, le=16_384)
    num_heads: int = Field(ge=1)
    num_kv_heads: int = Field(ge=1)
    ffn_width: int = Field(ge=8)
    vocab_size: int = Field(default=2048, ge=300, le=262_144)
    context_tokens: int = Field(default=256, ge=16, le=131_072)
    tied_embedding: bool = True
    rope_base: float = Field(default=10_000.0, gt=0)
    # Xmodel-2 keeps MiniCPM's muP values (arXiv 2404.06395, section 3); FACTS: not in the report.
    scale_emb: float = Field(default=12.0, gt=0)
    scale_depth: float = Field(default=1.4, gt=0)
    dim_model_base: int = Field(default=256, ge=1)
    init_std: float = Field(default=0.1, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_the_shape(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"preset": data}
        if isinstance(data, dict):
            return {**PRESETS.get(str(data.get("preset", "pico")), {}), **data}
        return data

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.num_heads or (self.width // self.num_heads) % 2:
            raise ValueError(
                f"width {self.width} over num_heads {self.num_heads} must be an even head size"
            )
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"num_heads {self.num_heads} must be a multiple of num_kv_heads {self.num_kv_heads}"
            )
        return self

    @property
    def head_width(self) -> int:
        return self.width // self.num_heads

    @property
    def width_ratio(self) -> float:
        """m = d / d_base of the muP rules (Xmodel-2, Table 6)."""
        return self.width / self.dim_model_base

    @property
    def num_non_embedding_parameters(self) -> int:
        """L * (2dHh + 2dKh + 3dF + 2d) + d; gives MiniCPM-1.2B's 1,247,442,432 (Table 2)."""
        d, kv = self.width, self.num_kv_heads * self.head_width
        return self.num_layers * (2 * d * d + 2 * d * kv + 3 * d * self.ffn_width + 2 * d) + d

    @property
    def num_parameters(self) -> int:
        tables = 1 if self.tied_embedding else 2
        return self.num_non_embedding_parameters + tables * self.vocab_size * self.width
