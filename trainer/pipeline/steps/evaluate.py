"""The gate as a step, and as the child process that asks it: `python -m trainer.pipeline.steps.evaluate CHAMPION
CANDIDATE DATASET OUT VERDICT`.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import load_settings
from storage.learning import dataset_files, models, promotion
from storage.learning.run_files import replace_file
from storage.learning.runs import Run
from trainer.pipeline.run_context import RunContext


async def judge(context: RunContext, run: Run) -> Run:
    """judging → canary, rejected or undecided. A verdict against a former champion is not used; another is computed.

    The datasets' lock is held, since held-out rows are read.
    """
    await context.check(run)
    champion, candidate = await context.champion(), await models.get_model(context.database, run.candidate_id)
    verdict = context.workspace.verdict(champion.id)
    if not verdict.exists():
        dataset = (context.settings.storage.datasets / run.dataset).resolve()
        async with dataset_files.lock(context.settings.storage.datasets):
            await context.run_step(
                run,
                "judging",
                "trainer.pipeline.steps.evaluate",
                await context.directory(champion),
                await context.directory(candidate),
                dataset,
                context.workspace.gate,
                verdict,
            )
    await context.check(run)
    return await promotion.record_verdict(
        context.database, run, champion.id, json.loads(verdict.read_text(encoding="utf-8"))
    )


def main(champion: Path, candidate: Path, dataset: Path, out: Path, verdict: Path) -> int:
    """Ask the gate and write what it answers to the file `verdict`, whole or not at all; 1 where it can't answer."""
    from trainer.gate import assess_candidate as ask

    try:
        answer = ask(champion, candidate, dataset, out, load_settings().gate)
    except JokebotError as error:
        print(f"jokebot: {error}", file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    replace_file(verdict, json.dumps(asdict(answer), ensure_ascii=False, indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
