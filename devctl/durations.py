"""Lengths of time as people write them: `90s`, `30m`, `8h`, `2d`, `1h30m`."""

import re
from datetime import UTC, datetime, timedelta

from devctl.errors import SettingsInvalid

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([wdhms])")
_LONGEST = 36_500 * 86_400


def parse_duration(text: str) -> timedelta:
    """Read a length of time; a bare number is seconds. Raises SettingsInvalid."""
    stripped = text.strip().lower()
    parts: list[tuple[str, str]] = _PART.findall(f"{stripped}s" if stripped.replace(".", "", 1).isdigit() else stripped)
    whole = "".join(number + unit for number, unit in parts)
    if not parts or whole not in (stripped, f"{stripped}s"):
        raise SettingsInvalid(f"{text!r} is no length of time", "write it as 90s, 30m, 8h, 2d or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise SettingsInvalid(f"{text!r} is more than a century", "give a shorter time")
    return timedelta(seconds=seconds)


def write_duration(length: timedelta) -> str:
    """Write a length of time with its two largest units: `3h12m`; negative ones have a minus in front."""
    seconds = round(length.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    parts: list[tuple[int, str]] = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _UNITS[unit])
        if count or parts:
            parts.append((count, unit))
    shown = [f"{count}{unit}" for count, unit in parts[:2] if count]
    return sign + ("".join(shown) or "0s")


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a moment in the past: a length of time before now, or a date in ISO form. Raises SettingsInvalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now - parse_duration(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
