"""The presets' shapes and counts, and what the options mean in numbers."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from mixtures.proxy import PRESETS, Proxy, first_difference


def proxy(**fields: Any) -> Proxy:
    return Proxy.model_validate(fields)


@pytest.mark.parametrize(
    ("preset", "non_embedding"),
    [
        ("pico", 394_080),
        ("nano", 6_033_664),  # the report's "6M"
        ("micro", 17_409_408),
        ("tiny", 54_282_752),  # the report's "54M"
        ("small", 101_226_816),
        ("medium", 299_889_600),
        ("1.2b", 1_151_485_440),
    ],
)
def test_presets_have_the_published_counts(preset: str, non_embedding: int) -> None:
    assert proxy(preset=preset).num_non_embedding_parameters == non_embedding


def test_sharing_the_embedding_of_the_1_2b_saves_the_reports_tenth_of_a_billion() -> None:
    tied, untied = proxy(preset="1.2b"), proxy(preset="1.2b", tied_embedding=False)
    assert untied.num_parameters - tied.num_parameters == 65_280 * 1536 == 100_270_080
    assert tied.num_parameters == 1_251_755_520


def test_the_formula_gives_the_count_of_minicpm() -> None:
    # MiniCPM-1.2B (arXiv 2404.06395, Table 2): 52 layers instead of 48.
    assert proxy(preset="1.2b", num_layers=52).num_non_embedding_parameters == 1_247_442_432


def test_pico_is_small_in_vocabulary_and_context_and_the_others_are_the_papers() -> None:
    assert (proxy().vocab_size, proxy().context_tokens) == (2048, 256)
    for preset in ("nano", "micro", "tiny", "small", "medium", "1.2b"):
        full = proxy(preset=preset)
        assert (full.vocab_size, full.context_tokens) == (65_280, 4096)
    on_a_cpu = proxy(preset="nano", vocab_size=2048, context_tokens=256)
    assert (on_a_cpu.vocab_size, on_a_cpu.context_tokens) == (2048, 256)
    assert on_a_cpu.num_parameters == 6_033_664 + 2048 * 256


def test_the_options_are_the_reports_unless_given() -> None:
    one = proxy()  # pico: four layers, heads of 32
    assert one.attention_multiplier == 1 / math.sqrt(32)
    assert one.attention_residual_multiplier == one.mlp_residual_multiplier == 1.4 / 2
    assert one.logits_divisor == 96 / 256
    assert (one.rope_base, one.rms_norm_eps) == (10_000.0, 1e-5)


def test_the_options_change_what_they_name() -> None:
    assert proxy(attention_scale="1/h").attention_multiplier == 1 / 32
    assert proxy(attention_scale=0.3).attention_multiplier == 0.3
    branches = proxy(scale_depth=1.0, mlp_scale_depth=3.0)
    assert branches.attention_residual_multiplier == 0.5
    assert branches.mlp_residual_multiplier == 1.5
    assert proxy(output_multiplier=2.0).logits_divisor == 96 / 256 / 2


def test_later_fields_at_their_defaults_leave_the_identity_alone() -> None:
    # The hash of pico from before there were these fields.
    assert proxy().content_hash() == "68505240d140654e"
    assert proxy(attention_scale="1/sqrt(h)", rms_norm_eps=1e-5).content_hash() == (
        "68505240d140654e"
    )
    assert proxy(attention_scale="1/h").content_hash() != "68505240d140654e"
    changed = proxy(attention_scale="1/h", mlp_scale_depth=2.0)
    assert Proxy.model_validate_json(changed.canonical()) == changed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attention_scale": "1/d"}, "attention_scale"),
        ({"attention_scale": 0.0}, "attention_scale"),
        ({"output_init": "xavier"}, "like_other_weights"),
        ({"preset": "large"}, "preset"),
        ({"mlp_scale_depth": 0.0}, "mlp_scale_depth"),
    ],
)
def test_an_option_outside_its_range_is_refused_by_name(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        proxy(**fields)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "changes", [{}, {"vocab_size": 500, "rope_base": 5e5}, {"mlp_scale_depth": 2.0}, {"width": 720}]
)
def test_the_written_form_gives_the_proxy_back(preset: str, changes: dict[str, Any]) -> None:
    one = proxy(preset=preset, **changes)
    again = Proxy.model_validate(one.as_written())
    assert again.model_dump(exclude={"preset"}) == one.model_dump(exclude={"preset"})
    is_preset = "width" not in changes
    assert one.title == (preset if is_preset else f"{one.num_layers} layers, width 720")
    assert ("preset" in one.as_written()) == is_preset


def test_proxies_that_are_one_function_of_their_weights_do_not_differ() -> None:
    one = proxy()
    same = [
        proxy(context_tokens=1024, init_std=0.02, output_init="by_depth"),
        proxy(attention_scale=1 / math.sqrt(32), mlp_scale_depth=1.4),
        proxy(dim_model_base=512, output_multiplier=0.5),
    ]
    assert [first_difference(one, other) for other in same] == [None, None, None]
    assert first_difference(one, proxy(num_kv_heads=3)) == ("num_kv_heads", 1, 3)
    assert first_difference(one, proxy(scale_emb=10)) == ("scale_emb", 12.0, 10.0)
    assert first_difference(one, proxy(mlp_scale_depth=2)) == ("mlp_scale_depth", None, 2.0)
    assert first_difference(one, proxy(dim_model_base=512)) == ("dim_model_base", 256, 512)
    # The same base width, but not the same logits.
    assert first_difference(one, proxy(output_multiplier=0.5)) == ("logits_divisor", 0.375, 0.75)
