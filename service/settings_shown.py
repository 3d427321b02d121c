"""The settings in force as they may be shown: where each comes from and how to set it.

The token is never part of it, only whether there is one.
"""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import SecretStr

from mixtures.value import Value
from service.settings import Settings

# What decides how trials come out and how the service runs; the rest is in constraints.txt.
_PACKAGES = ("torch", "ray", "duckdb", "fastapi", "pydantic", "numpy", "plotly", "lm-eval")


class ShownSetting(Value):
    """One setting. `value` is as the environment has it; a token is `set` or `not set`."""

    name: str
    variable: str
    value: str
    default: str
    is_default: bool
    about: str
    how: str


class ShownSettings(Value):
    """`has_token`: whether requests are asked for one. `versions` are of Decaymix, Python and the
    packages that matter; None: not installed.
    """

    settings: tuple[ShownSetting, ...]
    home: str
    database_bytes: int | None
    data_roots: tuple[str, ...]
    has_token: bool
    versions: dict[str, str | None]


def shown_settings(settings: Settings, is_locked: bool) -> ShownSettings:
    """Of the running controller; `is_locked` is its keyring's."""
    database = settings.home / "decaymix.duckdb"
    return ShownSettings(
        settings=tuple(_shown(settings, name) for name in Settings.model_fields),
        home=str(settings.home),
        database_bytes=database.stat().st_size if database.is_file() else None,
        data_roots=tuple(str(root) for root in settings.data_roots),
        has_token=is_locked,
        versions={
            "decaymix": version("decaymix"),
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
    )


def _shown(settings: Settings, name: str) -> ShownSetting:
    field = Settings.model_fields[name]
    alias = field.validation_alias
    variable = alias if isinstance(alias, str) else f"DECAYMIX_{name.upper()}"
    value, default = getattr(settings, name), field.default
    return ShownSetting(
        name=name,
        variable=variable,
        value=_text(value),
        default=_text(default),
        is_default=value == default,
        about=field.description or "",
        how=f"{variable}={_example(name, value)} ./run serve",
    )


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "set"
    if value in ("", ()):
        return "none"
    if isinstance(value, tuple):
        return os.pathsep.join(str(one) for one in value)
    return "not set" if value is None else str(value)


def _example(name: str, value: Any) -> str:
    """What could stand there; of a token never the one in force."""
    if name == "token" or isinstance(value, SecretStr):
        return "SECRET"
    examples = {
        "num_cpus": "4",
        "ray_address": "head:6379",
        "run_code": "1",
        "otlp_endpoint": "http://127.0.0.1:4318",
    }
    return examples.get(name, "VALUE" if value in (None, "", ()) else _text(value))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
