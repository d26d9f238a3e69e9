"""What a model's tokens cost: the list prices in prices.json, and those that the settings give."""

import logging
import re
import threading
from collections.abc import Mapping
from importlib.resources import files

from pydantic import Field, TypeAdapter

from tools.record import Record

logger = logging.getLogger(__name__)

_SNAPSHOT = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


class Price(Record):
    """US dollars for a million tokens."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)
    cached_usd: float | None = Field(default=None, ge=0)
    """For prompt tokens taken from the endpoint's cache; None: as input_usd."""


class ListPrice(Price):
    """A price of prices.json, with where and when it was seen; what could not be found stands in no list."""

    source: str = Field(min_length=10)
    """The page, without its scheme."""
    as_of: str = Field(pattern=r"^20\d\d(-\d\d){0,2}$")
    """The day, month or year of what the page says."""


class PriceTable:
    """Prices by model; the given ones win over the list prices.

    A model is looked up by its name as it is, then without a provider before the last slash, then without the
    date of its snapshot: `openai/gpt-5-2025-08-07` is found as `gpt-5`.
    """

    def __init__(self, given: Mapping[str, Price]) -> None:
        self._prices: dict[str, Price] = {**list_prices(), **given}
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def price(self, model: str) -> Price | None:
        """The model's price, or None with one warning a model."""
        bare = model.rsplit("/", 1)[-1]
        for name in (model, bare, _SNAPSHOT.sub("", bare)):
            if name in self._prices:
                return self._prices[name]
        with self._lock:
            first = model not in self._warned
            self._warned.add(model)
        if first:
            logger.warning(
                "the price of model %s is not known: its cost is not counted; set its price (model.prices)", model
            )
        return None

    def cost_usd(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        """The cost of one reply in US dollars; None when the price is not known."""
        price = self.price(model)
        if price is None:
            return None
        cached = min(cached_tokens, prompt_tokens)
        cached_usd = price.input_usd if price.cached_usd is None else price.cached_usd
        fresh = (prompt_tokens - cached) * price.input_usd
        return (fresh + cached * cached_usd + completion_tokens * price.output_usd) / 1_000_000


def list_prices() -> dict[str, ListPrice]:
    """The list prices, per model."""
    text = files("tools").joinpath("prices.json").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, ListPrice]).validate_json(text)
