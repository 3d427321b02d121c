"""Deployment settings, from the environment: `DECAYMIX_*`, and Ray's own address."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mixtures.retries import Retries

_REPOSITORY = Path(__file__).resolve().parent.parent
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Secrets that may stand in a file which DECAYMIX_..._FILE names.
_IN_FILES = ("token", "webhook_secret")
_SECRET = frozenset({"token", "webhook_secret", "webhook_urls"})


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
        default=None, description="an admin's token that is not in the database"
    )
    token_file: Path | None = Field(
        default=None, description="a file that holds it instead, so that no environment does"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="names in the Host header that are answered, separated by spaces",
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="addresses whose X-Forwarded-For and -Proto are believed, separated by commas",
    )
    requests_per_second: float = Field(
        default=500.0, gt=0, description="of each caller; twice that at once"
    )
    require_if_match: bool = Field(
        default=False, description="whether a PATCH without If-Match is refused (428)"
    )
    audit_days: int = Field(default=365, ge=1, description="how long the audit log is kept")
    num_cpus: int | None = Field(
        default=None, ge=1, description="cores of the Ray that the controller starts; all if unset"
    )
    ray_address: str | None = Field(
        default=None,
        validation_alias="RAY_ADDRESS",
        description="HOST:PORT of a running Ray head to join instead of starting one",
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

    log_format: Literal["text", "json"] = Field(
        default="text", description="one line an event on standard error, as text or JSON"
    )
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="a collector of OpenTelemetry that is sent traces; none are made without",
    )
    otlp_protocol: str = Field(
        default="http/protobuf",
        validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL",
        description="how they are sent",
    )
    min_free_bytes: int = Field(
        default=500_000_000,
        ge=0,
        description="free on the home's disk, below which it is not ready",
    )
    lease_seconds: float = Field(
        default=180.0, ge=1, description="a worker that is silent for longer has lost its trial"
    )
    max_attempts: Annotated[Retries, NoDecode] = Field(
        default=Retries(),
        description="attempts by kind of failure until a trial is FAILED, as `lost=5 timeout=1`",
    )
    webhook_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="who is told that a study has ended, separated by spaces"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="what webhooks are signed with"
    )
    webhook_secret_file: Path | None = Field(default=None, description="a file that holds it")

    @field_validator("webhook_urls", mode="before")
    @classmethod
    def _split_the_urls(cls, value: object) -> object:
        urls = value.split() if isinstance(value, str) else value
        for url in urls if isinstance(urls, list) else ():
            if not url.startswith(("https://", "http://")):
                # Not shown: an address may hold a secret.
                raise ValueError("expected addresses that begin with https:// or http://")
        return tuple(urls) if isinstance(urls, list) else urls

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.webhook_urls and self.webhook_secret is None:
            raise ValueError("DECAYMIX_WEBHOOK_URLS is set: set DECAYMIX_WEBHOOK_SECRET too")
        return self

    @model_validator(mode="after")
    def _traces_go_over_http(self) -> Self:
        if self.otlp_endpoint is None:
            return self
        if not self.otlp_endpoint.startswith(("https://", "http://")):
            raise ValueError(
                f"OTEL_EXPORTER_OTLP_ENDPOINT = {self.otlp_endpoint!r}: expected an address that "
                "begins with https:// or http://"
            )
        if self.otlp_protocol != "http/protobuf":
            raise ValueError(
                f"OTEL_EXPORTER_OTLP_PROTOCOL = {self.otlp_protocol!r}: traces are sent as "
                "http/protobuf alone, mostly to port 4318"
            )
        return self

    @field_validator("max_attempts", mode="before")
    @classmethod
    def _split_the_attempts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split()]
        kinds = ", ".join(Retries.model_fields)
        for kind, _, number in pairs:
            if kind not in Retries.model_fields or not number.isdecimal():
                raise ValueError(f"expected KIND=NUMBER with spaces between; kinds are {kinds}")
        return {kind: int(number) for kind, _, number in pairs}

    @field_validator("data_roots", mode="before")
    @classmethod
    def _split_the_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_the_names(cls, value: object) -> object:
        return tuple(value.lower().split()) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: dict[str, Any]) -> dict[str, Any]:
        for name in _IN_FILES:
            file = data.get(f"{name}_file")
            if file is None:
                continue
            variable = f"DECAYMIX_{name.upper()}"
            if data.get(name) is not None:
                raise ValueError(f"{variable} and {variable}_FILE are both set; keep one")
            try:
                data = {**data, name: Path(file).read_text(encoding="utf-8").strip()}
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{variable}_FILE = {str(file)!r}: {error}") from error
        return data

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

    @property
    def owner_token(self) -> str | None:
        """DECAYMIX_TOKEN in clear."""
        return None if self.token is None else self.token.get_secret_value()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return self.host in LOOPBACK

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
    value = "" if name in _SECRET else f" = {first['input']!r}"
    return f"{variable}{value}: {message}"
