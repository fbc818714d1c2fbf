"""Recipe sections about models: who they are, how they are asked, what they cost and what may be spent."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from catena.budget import Limits
from catena.discovery import is_source
from catena.engines.base import Sampling
from catena.engines.models import EngineKind, ModelSpec, Price
from catena.flows.recipe_base import Count, Positive, Section

_SECRET_HEADERS = ("authorization", "api-key", "x-api-key", "cookie", "proxy-authorization")


class PriceTag(Section):
    """Money per million tokens. `cached`: prompt tokens that the server read from its cache; as `input` where absent."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = None


class SamplingSettings(Section):
    """How completions are drawn; see `catena.engines.base.Sampling`. What is not given is left to the server."""

    max_tokens: Count = 4096
    most_tokens: Count | None = None
    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: int | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _more_room(self) -> "SamplingSettings":
        if self.most_tokens is not None and self.most_tokens < self.max_tokens:
            raise ValueError(
                f"most_tokens is {self.most_tokens:,}, less than max_tokens ({self.max_tokens:,}); it is the room that a"
                " truncated completion gets at most"
            )
        return self

    def value(self) -> Sampling:
        """What the engines take."""
        return Sampling(**dict(self))


class ModelSection(Section):
    """A model; see `catena.engines.models.ModelSpec`. `key` is a reference (`env:NAME`, `file:PATH`), never the key."""

    model: str = Field(min_length=1)
    engine: EngineKind = "openai"
    revision: str = ""
    urls: tuple[str, ...] = ()
    key: str | None = None
    concurrency: Annotated[int, Field(ge=1, le=100_000)] = 64
    timeout_s: Positive = 600.0
    tries: Count = 8
    patience_s: Positive = 120.0
    price: PriceTag | None = None
    sampling: SamplingSettings = SamplingSettings()
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("key")
    @classmethod
    def _by_reference(cls, key: str | None) -> str | None:
        if key is not None and not key.startswith(("env:", "file:")):
            raise ValueError(
                "name the API key by reference, 'env:NAME' for an environment variable or 'file:PATH' for a file;"
                " a key itself never stands in a recipe"
            )
        return key

    @model_validator(mode="after")
    def _reachable(self) -> "ModelSection":
        if self.engine.startswith("openai") and not self.urls:
            raise ValueError(
                "urls is missing: give the base URL of the server, e.g. urls = ['http://127.0.0.1:8000/v1']"
            )
        for url in self.urls:
            if is_source(url):
                continue
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{url!r} is no base URL; write it like http://127.0.0.1:8000/v1")
            if parts.username or parts.password:
                raise ValueError("a base URL holds a password; name the key with key = 'env:NAME' instead")
        headers = self.options.get("headers", {})
        if any(
            str(name).lower() in _SECRET_HEADERS and not str(value).startswith(("env:", "file:"))
            for name, value in dict(headers).items()
        ):
            raise ValueError("options.headers holds a credential; name it by reference, 'env:NAME' or 'file:PATH'")
        return self

    def spec(self, name: str) -> ModelSpec:
        """What the engines take."""
        given = {
            field: getattr(self, field) for field in ModelSpec.__dataclass_fields__ if field not in ("name", "price")
        }
        price = None if self.price is None else Price(**dict(self.price))
        return ModelSpec(name=name, price=price, **given)


class BudgetSection(Section):
    """Hard caps over all resumes of a run; see `catena.budget`. Money is in `currency`, which the prices are in too."""

    money: Positive | None = None
    tokens: Count | None = None
    hours: Positive | None = None
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")

    def limits(self) -> Limits:
        """What the budget takes."""
        return Limits(**dict(self))
