"""Deployment settings, from the environment: `DECAYMIX_*`, and Ray's own address."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_REPOSITORY = Path(__file__).resolve().parent.parent
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Settings(BaseSettings):
    """Every setting is documented in docs/settings.md; a test holds the two together."""

    # A variable that is set to nothing is not set: an empty token would let everybody in.
    model_config = SettingsConfigDict(
        env_prefix="DECAYMIX_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(
        default=_REPOSITORY / "var",
        description="all state: database, tokenised sources, checkpoints, logs, exports",
    )
    data_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(_REPOSITORY / "data",),
        description=f"folders that data files are named relative to, separated by {os.pathsep!r}",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8765, ge=0, le=65_535, description="port to listen on")
    token: SecretStr | None = Field(
        default=None, description="asked of every request; needed off loopback"
    )
    num_cpus: int | None = Field(
        default=None, ge=1, description="cores of the Ray that the controller starts; all if unset"
    )
    ray_address: str | None = Field(
        default=None,
        validation_alias="RAY_ADDRESS",
        description="a running Ray cluster to join instead of starting one",
    )
    run_code: bool = Field(
        default=False,
        description="whether benchmarks may run code that a model wrote, in a sandbox",
    )
    max_body_bytes: int = Field(
        default=2_000_000, ge=1_000, description="largest request body that is read"
    )

    max_upload_bytes: int = Field(
        default=1_000_000_000, ge=1_000, description="largest data file that is taken in"
    )

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_the_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("home", "data_roots")
    @classmethod
    def _absolute(cls, value: Path | tuple[Path, ...]) -> Path | tuple[Path, ...]:
        # Workers run in other folders than the controller.
        if isinstance(value, tuple):
            return tuple(root.expanduser().absolute() for root in value)
        return value.expanduser().absolute()

    @field_validator("token")
    @classmethod
    def _can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        token = value.get_secret_value() if value is not None else "unset"
        if not token or not all("!" <= character <= "~" for character in token):
            raise ValueError("expected printable ASCII characters without spaces, at least one")
        return value

    @model_validator(mode="after")
    def _a_token_off_loopback(self) -> Self:
        if self.host not in _LOOPBACK and self.token is None:
            raise ValueError(
                f"DECAYMIX_HOST is {self.host}, which others can reach: set DECAYMIX_TOKEN, or "
                "listen on 127.0.0.1"
            )
        return self

    @property
    def uploads(self) -> Path:
        """Where data files that came over REST lie."""
        return self.home / "sources"

    @property
    def searched_roots(self) -> tuple[Path, ...]:
        """Where data files are looked for: the data roots, then what was uploaded."""
        return (*self.data_roots, self.uploads)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def what_is_wrong(error: ValidationError) -> str:
    """The first thing wrong with the settings in one line: variable, value, what would be right."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    name = str(first["loc"][0])
    variable = name if name.isupper() else f"DECAYMIX_{name.upper()}"
    # A token is not shown, wrong or right.
    value = "" if name == "token" else f" = {first['input']!r}"
    return f"{variable}{value}: {message}"
