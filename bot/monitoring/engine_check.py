"""The doctor's checks of the engine and the model: the same that `jokebot run` makes."""

from bot.monitoring.doctor_finding import DoctorFinding
from configs.errors import JokebotError
from configs.gpu import GpuSelection
from configs.settings import Settings


async def check_engine(settings: Settings) -> list[DoctorFinding]:
    """Check that the engine serves the model, or that the bot can start its own servers."""
    if settings.engine.kind != "url":
        return check_own_servers(settings)
    from bot.engine.client import EngineClient, EngineError
    from bot.engine.lmdeploy.node_name import models_of

    client = EngineClient(settings.engine)
    try:
        models = models_of(await client.models())
    except EngineError as error:
        return [
            DoctorFinding(
                "bad",
                "engine",
                f"{settings.engine.url}: {error}",
                "start one (`jokebot serve MODEL_DIR`, or LMDeploy on a GPU), or set JOKEBOT_ENGINE_URL",
            )
        ]
    finally:
        await client.close()
    expected = settings.engine.model
    if expected and expected not in models:
        return [
            DoctorFinding(
                "bad", "engine", f"it serves {', '.join(models)}, not {expected}", "correct JOKEBOT_ENGINE_MODEL"
            )
        ]
    return [DoctorFinding("ok", "engine", f"{settings.engine.url} serves {', '.join(models)}")]


def check_own_servers(settings: Settings) -> list[DoctorFinding]:
    """Check what the bot needs to start servers, as `jokebot run` does: environment, GPU, and the model to serve."""
    from bot.engine.servers.host_check import HostError, check_host
    from bot.engine.servers.launch import make_launcher
    from storage.learning.models import Model
    from storage.learning.serving_model import plan_serving, read_registry

    kind, named = settings.engine.kind, settings.model.name
    try:
        check_host(settings)
        plan = plan_serving(settings, read_registry(settings.storage.database))
        folder = str(plan.base.directory) if plan.base else None
        model = plan.champion or Model(0, named, "base", None, None, folder, None, "{}", 0.0)
        make_launcher(settings)(model, 0, "")
    except HostError as error:
        return [DoctorFinding("bad", "engine", error.message, error.todo)]
    except JokebotError as error:
        return [DoctorFinding("bad", "engine", str(error), "`jokebot run` refuses to start until this is corrected")]
    return [
        DoctorFinding(
            "ok",
            "engine",
            f"the bot starts {settings.server_count} {kind} server{'s' * (settings.server_count > 1)} for "
            f"{model.name} at {model.directory}",
        ),
        *check_gpus(settings),
    ]


def check_gpus(settings: Settings) -> list[DoctorFinding]:
    """A note on GPUs of this host that neither a server nor a run uses."""
    if settings.engine.kind != "lmdeploy":
        return []
    there = GpuSelection.of([]).ids
    serving = settings.serving_gpus.ids or there[:1]
    training = settings.training.gpu_ids or there[: settings.training.gpu_count]
    used = len({*serving, *training})
    if used >= len(there):
        return []
    return [
        DoctorFinding(
            "note",
            "GPUs",
            f"the bot uses {used} of the {len(there)} GPUs here",
            "lmdeploy.gpu_ids puts a server on each of several GPUs, training.gpu_ids gives runs GPUs of their own",
        )
    ]


async def check_model(settings: Settings) -> list[DoctorFinding]:
    """Check the model's files where the bot trains from them but an external server serves them."""
    from storage.learning.serving_model import plan_serving, read_registry

    if settings.engine.kind != "url" or settings.model.directory is None:
        return []
    try:
        plan = plan_serving(settings, read_registry(settings.storage.database))
    except JokebotError as error:
        return [DoctorFinding("bad", "model", str(error), "correct JOKEBOT_MODEL_DIRECTORY")]
    template = f"; its prompts have the chat template {plan.base.template}" if plan.base else ""
    return [DoctorFinding("ok", "model", f"{settings.model.directory} is complete{template}")]
