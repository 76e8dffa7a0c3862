"""Run pytest in the train and in the bot environment: `make test`.

Each test runs under the interpreter that runs the code (tests/conftest.py), so there are two runs. Lines appear as they
come, marked with their environment. At the end both summaries are repeated, a failed run's last: the output ends with
pytest's own summary line. Both runs start at once on two cores or more, because most tests wait for processes;
`--serial` runs one after the other. Other arguments go to both runs. Standard library only.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from threading import Lock, Thread

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ("train", "bot")
NO_TESTS = 5
"""pytest's exit code if the arguments select none of an environment's tests."""
SUMMARY = re.compile(r"^=+ (short test summary info|.* in [\d.]+s.*) =+$")


class EnvironmentRun:
    """One pytest process, whose lines are printed as they come."""

    def __init__(self, name: str, arguments: list[str], printing: Lock) -> None:
        self.name, self.code, self.lines = name, 0, []
        self._printing = printing
        python = ROOT / ".venv" / name / "bin" / "python"
        self._command = [str(python), "-m", "pytest", "--color=no", *arguments]
        self._thread = Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            for line in process.stdout:
                self.lines.append(line.rstrip("\n"))
                with self._printing:
                    print(f"{self.name:5} | {self.lines[-1]}", flush=True)
        self.code = process.returncode

    def summary(self) -> str:
        """The lines from "short test summary info" to the last one."""
        starts = [number for number, line in enumerate(self.lines) if SUMMARY.match(line)]
        return "\n".join(self.lines[starts[-2] if starts[-2:-1] and "short" in self.lines[starts[-2]] else -1 :])


def main(arguments: list[str]) -> int:
    printing = Lock()
    parallel = "--serial" not in arguments and len(os.sched_getaffinity(0)) > 1
    runs = [EnvironmentRun(name, [a for a in arguments if a != "--serial"], printing) for name in ENVIRONMENTS]
    for run in runs:
        run.start()
        if not parallel:
            run.wait()
    for run in runs:
        run.wait()
    ran = [run for run in runs if run.code != NO_TESTS] or runs
    for run in sorted(ran, key=lambda run: run.code != 0):
        print(f"\n{run.name} environment:\n{run.summary()}", flush=True)
    return next((run.code for run in ran if run.code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
