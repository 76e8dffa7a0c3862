"""The step judging, and its child process that runs the gate.

`python -m trainer.pipeline.steps.evaluate CHAMPION CANDIDATE DATASET OUT VERDICT [BASE]`
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from configs.errors import JokebotError
from configs.settings import load_settings
from storage.learning import dataset_files, models, promotion
from storage.learning.models import Model
from storage.learning.run_files import replace_file
from storage.learning.runs import Run, require
from trainer.pipeline.run_context import RunContext


async def judge(context: RunContext, run: Run) -> Run:
    """judging → canary, rejected or undecided. If the champion has changed, a new verdict is computed.

    The datasets' lock is held, because held-out rows are read.
    """
    await context.check(run)
    champion, candidate = await context.champion(), await models.get_model(context.database, require(run.candidate_id))
    verdict = context.workspace.verdict(champion.id)
    if not verdict.exists():
        dataset = (context.settings.storage.datasets / require(run.dataset)).resolve()
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
                *await base_directory(context, champion, candidate),
            )
    await context.check(run)
    return await promotion.record_verdict(
        context.database, run, champion.id, json.loads(verdict.read_text(encoding="utf-8"))
    )


async def base_directory(context: RunContext, champion: Model, candidate: Model) -> list[Path]:
    """The directory of the candidate's base, with which its variety is compared; empty if it is the champion's too."""
    base_id = require(candidate.base_id)
    if base_id == champion.id:
        return []
    directory = await context.directory(await models.get_model(context.database, base_id))
    return [] if directory == await context.directory(champion) else [directory]


def main(champion: Path, candidate: Path, dataset: Path, out: Path, verdict: Path, base: Path | None = None) -> int:
    """Run the gate and write its verdict to the file `verdict` by rename; returns 1 if the gate fails."""
    from trainer.gate import assess_candidate as ask

    try:
        answer = ask(champion, candidate, dataset, out, load_settings().gate, base=base)
    except JokebotError as error:
        print(f"jokebot: {error}", file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    replace_file(verdict, json.dumps(asdict(answer), ensure_ascii=False, indent=1, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
