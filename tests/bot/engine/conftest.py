"""A stub engine over real HTTP, and a request for it."""

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from bot.engine.client import EngineClient, SamplingParams
from bot.engine.stub.engine import StubEngine
from configs.settings import EngineSettings

if TYPE_CHECKING:
    from tests.bot.engine.owned import StubLauncher


@pytest.fixture
def question() -> dict[str, Any]:
    """The arguments of EngineClient.ask."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 48)).save(buffer, "JPEG")
    return {
        "user": "Tell a joke.",
        "photo": buffer.getvalue(),
        "media_type": "image/jpeg",
        "sampling": SamplingParams(0.7, 0.85, 99),
    }


@pytest.fixture
async def stub():
    async with StubEngine.running() as engine:
        yield engine


@pytest.fixture
async def make_client(stub):
    """A function that makes clients of the stub with a test's settings; retries wait milliseconds."""
    made = []

    def make(**changes: Any) -> EngineClient:
        made.append(EngineClient(EngineSettings(**{"url": stub.url, "retry_delay_s": 0.01, **changes})))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def client(make_client) -> EngineClient:
    return make_client()


@pytest.fixture
def launcher() -> "StubLauncher":
    """Starts stub servers instead of real ones."""
    from tests.bot.engine.owned import StubLauncher

    return StubLauncher()
