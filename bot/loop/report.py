"""What came of a run, for an admin: a few words, and the picture once the gate has spoken."""
from pathlib import Path

from bot.parts import Parts
from storage.runs import Run


class Report:
    """One run's, in one language."""

    def __init__(self, parts: Parts, run: Run, folder: Path, language: str) -> None:
        self._parts, self._run, self._folder, self._language = parts, run, folder, language

    async def text(self) -> str:
        """What came of it, and why; at its end, what an admin can do about it."""
        run = self._run
        lines = [self._say(f"run-ended-{run.state}" if run.finished else "run-judged-canary")]
        if run.reason:
            lines.append(run.reason)
        if run.state == "undecided" and run.candidate_id:
            lines.append(self._say("run-keep"))
        if run.state == "promoted":
            lines.append(self._say("run-back"))
        return "\n".join(lines)

    async def picture(self) -> bytes | None:
        return None

    def _say(self, name: str) -> str:
        return self._parts.words.say(self._language, name, run=self._run.id, model=self._run.candidate_id or 0)
