"""Variables that every program reads, TZ and the proxies: one rule for all parts of Jokebot."""

import os
import re
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # typeshed lacks the second
    getproxies_environment,
    proxy_bypass_environment,
)
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from configs.errors import SettingsError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FIXED_OFFSET = re.compile(r"([A-Za-z]+)([+-])0?(\d{1,2})")


class LocalTime(tzinfo):
    """The system's local time, by the same C library as `datetime.now()`, as a time zone for a scheduler."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return moment.replace(tzinfo=None).astimezone().utcoffset() if moment else None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return (moment.replace(tzinfo=None).astimezone().tzname() if moment else None) or time.tzname[0]

    def fromutc(self, moment: datetime) -> datetime:
        return datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)


def check_time_zone(name: str | None = None) -> None:
    """Raise SettingsError unless `name` (TZ if None) is a time zone that the system knows. An empty TZ is fine."""
    name = os.environ.get("TZ", "") if name is None else name
    zone_name = name.removeprefix(":")
    if not zone_name or (zone_name.startswith("/") and Path(zone_name).is_file()):
        return
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(f"TZ is {name!r}, and there is no such time zone. {_remedy(zone_name)}") from None
    now = datetime.now(UTC)
    if name == os.environ.get("TZ") and zone.utcoffset(now) != now.astimezone().utcoffset():
        raise SettingsError(f"TZ is {name!r}, and this system has no file for that zone. Install the package tzdata.")


def _remedy(name: str) -> str:
    bare = name.strip("\"' ")
    if bare != name:
        return f"Write it without quotes and spaces: TZ={bare}."
    text = "Write a name of the IANA database, as in TZ=Asia/Shanghai"
    if offset := FIXED_OFFSET.fullmatch(name):
        word, sign, hours = offset.groups()
        # POSIX counts hours west of UTC in TZ and in Etc/GMT; in "UTC+8" users mean hours east.
        east = (sign == "+") == (word.upper() in ("UTC", "GMT"))
        side = "ahead of" if east else "behind"
        text += f"; {hours} hours {side} UTC all year are TZ=Etc/GMT{'-' if east else '+'}{hours}"
    return f"{text}."


def proxy_for(url: str) -> str | None:
    """The proxy for calls of `url`: from HTTPS_PROXY or HTTP_PROXY by its scheme, else ALL_PROXY; None for none.

    There is none for this machine and for the hosts in NO_PROXY. Raises SettingsError for a proxy that is not HTTP; the
    message names neither the proxy's user nor its password.
    """
    target, proxies = urlsplit(url), getproxies_environment()
    if target.hostname in LOOPBACK or proxy_bypass_environment(target.hostname or "", proxies):
        return None
    name = target.scheme if proxies.get(target.scheme) else "all"
    proxy = proxies.get(name)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    variable = f"{name.upper()}_PROXY"
    try:
        parts = urlsplit(proxy)
        _ = parts.port  # raises ValueError for a port that is no number
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname:
        raise SettingsError(f"{variable} is no address of a proxy. Write it as {variable}=http://HOST:PORT.")
    if parts.scheme != "http":
        raise SettingsError(
            f"{variable} names a {parts.scheme} proxy at {parts.hostname}, and only HTTP proxies are supported. Most "
            f"SOCKS programs have an HTTP port too: write {variable}=http://HOST:PORT, or add {target.hostname} to "
            "NO_PROXY."
        )
    return proxy
