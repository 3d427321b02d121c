"""A study's file at another proxy: the same question asked of a larger model, or a smaller one."""

import json
from typing import Any, Literal

from mixtures.proxy import PRESETS, Proxy
from service.body import parse_json, parse_yaml
from service.errors import BadInput


def at_proxy(text: str, kind: Literal["yaml", "json"], preset: str) -> str:
    """The study as JSON with this preset's shape, and `-PRESET` after its name.

    Vocabulary and context stay the file's own, so that the same tokens are read; learning rates do
    too, as muP has them transfer. Raises BadInput.
    """
    study = parse_yaml(text) if kind == "yaml" else parse_json(text)
    if preset not in PRESETS:
        raise BadInput("proxy", preset, f"no such preset; there are {', '.join(PRESETS)}")
    if not isinstance(study, dict):
        raise BadInput("(body)", None, "expected a study")
    space = study.get("space")
    if isinstance(space, dict) and "proxy" in (space.get("factors") or {}):
        raise BadInput(
            "space.factors.proxy", preset, "the study tries several proxies itself; edit its levels"
        )
    own = Proxy.model_validate(study.get("proxy", "pico"))
    changed: dict[str, Any] = {
        "preset": preset,
        "vocab_size": own.vocab_size,
        "context_tokens": own.context_tokens,
    }
    name = f"{study.get('name', '')}-{preset}"
    return json.dumps({**study, "name": name, "proxy": changed})
