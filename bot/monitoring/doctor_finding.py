"""The result of a check of `jokebot doctor`, which the modules of its checks share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DoctorFinding:
    """The result of one check: `state` is "ok", "note" (works, with a remark) or "bad"; `todo` says how to fix it."""

    state: str
    subject: str
    message: str
    todo: str = ""

    def format(self) -> str:
        mark = {"ok": "✓", "note": "·", "bad": "✗"}[self.state]
        return f"{mark} {self.subject.ljust(12)} {self.message}" + (
            f"\n  {' ' * 12} → {self.todo}" if self.todo else ""
        )
