"""The time zone of schedules and daily limits: the host's, or one that the user names where the host has none."""

from bot.setup.answers import SetupAnswers
from bot.setup.terminal import SetupTerminal
from configs.errors import SettingsError
from configs.host_environment import check_time_zone, host_time_zone

FLAG = "--time-zone ZONE"
NO_ZONES = frozenset({"", "UTC", "Etc/UTC", "UCT", "Etc/UCT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu"})
"""Zones of servers and containers that no admin has set."""
GUESSES = {"zh": "Asia/Shanghai"}


class TimeZoneStep:
    """Records host.time_zone where it differs from the host's."""

    def __init__(self, terminal: SetupTerminal, answers: SetupAnswers) -> None:
        self._terminal, self._answers = terminal, answers

    def run(self, given: str | None) -> None:
        """Raises SettingsError for an unknown zone of the command line."""
        zone, known = host_time_zone(), self._answers.known("host", "time_zone")
        if given is not None:
            check_time_zone(given, "--time-zone")
            chosen = given
        elif self._answers.is_settled("host", "time_zone") or known or zone not in NO_ZONES or not self._asks:
            chosen = str(known or "")
        else:
            chosen = self._ask(zone or "UTC")
        self._answers.set("host", "time_zone", "" if chosen == zone else chosen)
        self._terminal.show("time-zone-known", zone=chosen or zone or "UTC")

    @property
    def _asks(self) -> bool:
        return self._terminal.interactive and not self._terminal.agree

    def _ask(self, zone: str) -> str:
        default = GUESSES.get(self._terminal.language, zone)
        while True:
            answer = self._terminal.ask("ask-time-zone", FLAG, default)
            try:
                check_time_zone(answer, "")
                return answer
            except SettingsError:
                self._terminal.show("time-zone-unknown", answer=answer)
