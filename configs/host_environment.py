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
LOCALTIME, ZONES = Path("/etc/localtime"), Path("/usr/share/zoneinfo")
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


def use_time_zone(name: str) -> None:
    """Set this process's time zone, and its children's, to the setting `host.time_zone`; "" keeps TZ or the host's.

    Raises SettingsError for an unknown zone.
    """
    if not name:
        return
    check_time_zone(name, "host.time_zone")
    os.environ["TZ"] = name
    time.tzset()


def host_time_zone() -> str:
    """Name of the time zone of TZ, else of the system; "" if it has no name of the IANA database."""
    if name := os.environ.get("TZ", "").removeprefix(":"):
        return name
    try:
        return LOCALTIME.resolve(strict=True).relative_to(ZONES.resolve()).as_posix()
    except (OSError, ValueError):
        return ""


def check_time_zone(name: str | None = None, setting: str = "TZ") -> None:
    """Raise SettingsError unless `name` (TZ if None) is a time zone that the system knows. An empty TZ is fine.

    `setting` is what the message calls it.
    """
    name = os.environ.get("TZ", "") if name is None else name
    zone_name = name.removeprefix(":")
    if not zone_name or (zone_name.startswith("/") and Path(zone_name).is_file()):
        return
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(f"{setting} is {name!r}, and there is no such time zone. {_remedy(zone_name)}") from None
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
    return checked_proxy(proxy, f"{name.upper()}_PROXY", target.hostname or "") if proxy else None


def telegram_proxy(base_url: str, setting: str) -> str | None:
    """The proxy for calls of a Bot API server: the setting `telegram.proxy`, else that of `proxy_for`.

    This machine has none. Raises SettingsError as `proxy_for`.
    """
    host = urlsplit(base_url).hostname or ""
    if not setting or host in LOOPBACK:
        return proxy_for(base_url)
    return checked_proxy(setting, "JOKEBOT_TELEGRAM_PROXY", "")


def checked_proxy(proxy: str, variable: str, host: str) -> str:
    """A proxy's address with its scheme. Raises SettingsError, which names `variable`, unless it is an HTTP proxy.

    `host`: the called one, for the hint at NO_PROXY; "" leaves it out. The message has no user and no password.
    """
    proxy = proxy if "://" in proxy else f"http://{proxy}"
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
            f"SOCKS programs have an HTTP port too: write {variable}=http://HOST:PORT"
            + (f", or add {host} to NO_PROXY." if host else ".")
        )
    return proxy
