"""Settings of joke generation: the engine, the servers that the bot runs, and the sampling."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from configs.base import Count, GpuId, Positive, SettingsSection, split_list
from configs.chat_templates import DEFAULT_TEMPLATE, chat_templates


class EngineSettings(SettingsSection):
    """The model servers that write the jokes: LMDeploy, the CPU engine, or any OpenAI-compatible server."""

    kind: Literal["url", "cpu", "lmdeploy"] = Field(
        "url",
        description="`cpu` and `lmdeploy`: the bot runs the servers. `url`: an external server at the address below.",
    )
    url: str = Field("http://127.0.0.1:23333/v1", description="Base address of an external server (kind `url`).")
    api_key: SecretStr = Field(
        SecretStr("jokebot-local"),
        description="API key of an external server (kind `url`). The bot gives its own servers a key by itself.",
    )
    model: str = Field("", description="Name of the model on the server. Empty: the first one that the server lists.")
    template: str = Field(
        DEFAULT_TEMPLATE,
        description=(
            "Chat template of the model on an external server (kind `url`): `internlm2-chat` for InternVL2, "
            "`internvl2_5` for InternVL2.5. Where the bot knows the model's files, they name it."
        ),
    )
    in_flight: Count | None = Field(
        None,
        description=(
            "Concurrent requests to the engine. Further photos wait in a fair queue. Unset: 8, or 32 per LMDeploy "
            "server of the bot."
        ),
    )
    connect_timeout_s: Positive = Field(5.0, description="Longest time to connect.")
    first_token_timeout_s: Positive = Field(60.0, description="Longest time from the request to the first token.")
    token_timeout_s: Positive = Field(20.0, description="Longest pause between two tokens.")
    total_timeout_s: Positive = Field(120.0, description="Longest time for one joke, retries included.")
    attempts: Count = Field(
        4,
        description=(
            "Attempts for one joke. The bot retries after 503, a dropped connection, an abort or an empty reply."
        ),
    )
    retry_delay_s: Positive = Field(
        0.5, description="Pause before the second attempt. It doubles with each further attempt."
    )
    max_tiles: int = Field(
        None,  # type: ignore[assignment]  # decided below
        ge=1,
        le=40,
        description=(
            "Most 448-pixel tiles of one photo, plus a thumbnail if there are several. Unset: 12, or 1 with the kind "
            "`cpu`, on which 13 tiles of a 2B model take minutes."
        ),
    )

    @field_validator("max_tiles", mode="before")
    @classmethod
    def _tiles_of_kind(cls, tiles: Any, info: ValidationInfo) -> Any:
        """What the kind can process before the limit of the first token."""
        return tiles if tiles not in (None, "") else 1 if info.data.get("kind") == "cpu" else 12

    @field_validator("template")
    @classmethod
    def _known_template(cls, name: str) -> str:
        if name not in chat_templates():
            raise ValueError(f"the chat templates are {', '.join(chat_templates())}")
        return name


class LmdeploySettings(SettingsSection):
    """LMDeploy servers that the bot runs."""

    servers: Count = Field(
        1, description="Servers per GPU. One server keeps a GPU busy; more take memory and give no more jokes."
    )
    gpu_ids: Annotated[list[GpuId], BeforeValidator(split_list)] = Field(
        [],
        description=(
            "GPUs of these servers, by nvidia-smi's numbers, for example [0, 1]. Each has lmdeploy.servers of them, or "
            "its part of servers.count. Empty: one GPU, or with a larger servers.count as many as there are, of "
            "CUDA_VISIBLE_DEVICES if that is set."
        ),
    )
    preprocess: Literal["gpu", "stock"] = Field(
        "gpu", description="Where photos become tiles: `gpu`, or `stock` for LMDeploy's own way on one CPU thread."
    )
    max_batch: Count = Field(64, description="Concurrent requests of one server.")
    prefill_tokens: Count = Field(8192, description="Most tokens of prompts and photos in one prefill step.")
    prefix_cache: bool = Field(
        True,
        description=(
            "Keep the keys and values of photos, so that another joke about a photo reads it no second time. With "
            "preprocess `gpu` only."
        ),
    )
    cache_photos: int = Field(
        0,
        ge=0,
        description=(
            "Photos of the largest size that one server's key-value cache holds. A photo of 13 tiles takes 0.34 GB "
            "with the 2B model. 0: as many as fit on the GPU beside the other servers and an extra one."
        ),
    )


class ServerSettings(SettingsSection):
    """Servers that the bot runs, for the engine kinds `cpu` and `lmdeploy`."""

    count: int = Field(
        0,
        ge=0,
        description=(
            "Servers of the champion, divided among the GPUs of lmdeploy.gpu_ids. 0: lmdeploy.servers on each of "
            "these, or one CPU engine."
        ),
    )
    canary_count: Count = Field(1, description="Servers of a canary.")
    threads: int = Field(
        0, ge=0, description="CPU threads of one CPU engine. 0 divides the host's cores among the engines."
    )
    dedicated_cores: bool = Field(
        True,
        description=(
            "Give each of several servers its own CPU cores, so that a starting one doesn't slow down the others."
        ),
    )
    start_timeout_s: Positive = Field(300.0, description="Longest time from the start of a server to its first joke.")
    probe_interval_s: Positive = Field(
        20.0, description="Seconds without any output after which the bot sends a server a test photo."
    )
    hang_timeout_s: Positive = Field(
        60.0, description="Seconds without an answer to a test photo after which the bot restarts the server."
    )
    restart_delay_s: Positive = Field(
        1.0, description="Pause before the first restart of a server. It doubles with each failed start."
    )
    restart_delay_max_s: Positive = Field(60.0, description="Longest pause before a restart.")
    recovery_wait_s: Positive = Field(
        180.0,
        description=(
            "Longest wait of photos for a restarting server. After that, users are told that the engine is down."
        ),
    )
    drain_timeout_s: Positive = Field(120.0, description="Longest time that a replaced server has to finish its jokes.")
    allow_extra_server: bool = Field(
        True, description="Allow one extra model server (needed for canaries and zero-downtime swaps)."
    )
    serve_base: Literal["auto", "yes", "no"] = Field(
        "auto",
        description=(
            "Serve the base beside the champion for joke.base_share of the photos, so that the bot can tell what "
            "learning has gained. It has the room of the extra server, except during runs and trials. `auto`: with the "
            "kind `lmdeploy`, and with `url` if the server lists the base; not with `cpu`, where it costs speed."
        ),
    )
    previous_model: Literal["stop", "sleep", "keep_running"] = Field(
        "sleep",
        description=(
            "What happens to the previous model after a swap. `stop`: stopped; /rollback has to start it. `sleep`: "
            "/rollback takes seconds; needs about 0.8 GB of GPU memory and the weights in RAM per server. "
            "`keep_running`: it keeps running."
        ),
    )
    sleep_while_training: bool = Field(
        False, description="Free the GPU's memory while a run trains. Photos wait, and users are told. For small GPUs."
    )
    log_mb: Positive = Field(
        10.0, description="Largest log file of a server, MB. One older file of the same size is kept."
    )


class LanguageSampling(SettingsSection):
    """Sampling for one language, in place of [joke]'s."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    repetition_ngram_size: int | None = Field(None, ge=0, le=1000)
    repetition_ngram_threshold: int | None = Field(None, ge=0, le=1000)


class JokeSettings(SettingsSection):
    """Defaults for a joke."""

    language: str = Field("en", description="Language of jokes for users whose own language has no prompts.")
    style: str = Field("", description="Style in prompts.toml. Empty: the default of the language.")
    album_mode: Literal["per_photo", "per_album"] = Field(
        "per_photo",
        description=(
            "`per_photo`: a joke for each photo of an album. `per_album`: one joke, with buttons for the other photos."
        ),
    )
    candidates: Annotated[int, Field(ge=1, le=16)] | Literal["auto"] = Field(
        "auto",
        description=(
            "Jokes written for a photo, of which the judge chooses one. The number falls to 1 while photos wait and "
            "until there is a judge. `auto`: 2 with the engine kind `cpu`, else 4. 1 turns it off."
        ),
    )
    candidate_patience: float = Field(
        1.7,
        ge=1,
        description=(
            "How many times as late as with a single candidate the first word may come with several. Below 2, since "
            "the candidates slow each other down, and scoring takes time too."
        ),
    )
    random_share: float = Field(
        0.15,
        ge=0.01,
        le=1,
        description=(
            "Share of photos for which chance chooses among the candidates, so that the judge can be checked. It falls "
            "to a third of this the surer it is that the judge chooses better jokes."
        ),
    )
    counts_after_votes: int = Field(
        3, ge=0, description="Votes in a group from which their counts stand on the buttons. 0: always."
    )
    counts_after_minutes: float = Field(
        10.0, ge=0, description="Minutes after a joke from which the counts stand on the buttons with fewer votes."
    )
    base_share: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description=(
            "Share of photos that the base answers, where it is served beside the champion (servers.serve_base), so "
            "that the bot can tell what learning has gained. 0 turns it off."
        ),
    )
    recogniser: bool = Field(
        False,
        description=(
            "Name what a photo shows with small image classifiers (EfficientNet-Lite, train environment), and write "
            "the name into the prompt. For the demo model, which knows few things; larger models see by themselves."
        ),
    )
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature.")
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus sampling.")
    max_tokens: Count = Field(160, description="Longest joke, tokens.")
    repetition_penalty: float = Field(
        1.0, gt=0, le=10, description="Values above 1 make repeated words less likely. 1.05 is strong."
    )
    repetition_ngram_size: int = Field(
        8, ge=0, le=1000, description="Length of a repeated token sequence that ends a joke."
    )
    repetition_ngram_threshold: int = Field(
        3, ge=0, le=1000, description="Repetitions of that sequence that end a joke. 0 turns this off."
    )
    languages: dict[str, LanguageSampling] = Field(
        {}, description="Different sampling for a language, for example { zh = { temperature = 0.9 } }."
    )

    def sampling(self, language: str) -> dict[str, Any]:
        """The sampling parameters of a language by field name."""
        own = self.languages.get(language, LanguageSampling())
        return {
            name: getattr(self, name) if (value := getattr(own, name)) is None else value
            for name in LanguageSampling.model_fields
        }
