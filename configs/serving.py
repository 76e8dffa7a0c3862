"""Settings of what writes the jokes: the engine, the servers of the bot's own, and what a joke is asked for with."""
from typing import Any, Literal

from pydantic import Field, SecretStr

from configs.section import Count, Positive, Section


class Engine(Section):
    """The servers that write the jokes: LMDeploy or the CPU engine, run by the bot, or any that speaks the OpenAI chat protocol with pictures."""

    kind: Literal["url", "cpu", "lmdeploy"] = Field("url", description="Who runs them: `url` somebody else, at the address below; `cpu` and `lmdeploy` the bot itself.")
    url: str = Field("http://127.0.0.1:23333/v1", description="The base address, for kind `url`.")
    api_key: SecretStr = Field(SecretStr("jokebot-local"), description="Its API key, for kind `url`; servers of the bot get one of their own.")
    model: str = Field("", description="The model's name there; empty takes the first one it lists.")
    in_flight: Count | None = Field(None, description="Requests sent to it at the same time; further photos wait in a fair queue. Unset: 8, or 32 for each LMDeploy server of the bot's own.")
    connect_timeout_s: Positive = Field(5.0, description="Time to connect.")
    first_token_timeout_s: Positive = Field(60.0, description="Time from the request to the first word.")
    token_timeout_s: Positive = Field(20.0, description="Longest pause between two words.")
    total_timeout_s: Positive = Field(120.0, description="Longest time for one joke, retries included.")
    attempts: Count = Field(4, description="Tries for one joke: after 503, a dropped connection, an abort or an empty reply.")
    retry_delay_s: Positive = Field(0.5, description="Pause before the second try; it doubles with each further one.")
    max_tiles: int = Field(12, ge=1, le=40, description="Most 448-pixel tiles a photo is cut into (a thumbnail comes on top).")
    canary_by: Literal["person", "chat", "photo"] = Field("photo", description="What keeps its model version while a canary is on trial. By person or chat the arms are different people, and a trial errs more often than canary.alpha says.")
    canary_turn_h: float = Field(24.0, ge=0, description="Hours after which others have their turn with the canary; 0 never, which among few people may be nobody.")


class Lmdeploy(Section):
    """LMDeploy servers that the bot starts itself."""

    servers: Count = Field(1, description="Servers on one GPU. One keeps a card busy; further ones take memory and answer no more.")
    preprocess: Literal["gpu", "stock"] = Field("gpu", description="Where photos become tiles: on the GPU, or as LMDeploy does it, on one CPU thread.")
    max_batch: Count = Field(64, description="Requests that one server works on at the same time.")
    prefill_tokens: Count = Field(8192, description="Most tokens of prompts and photos that are read in one step.")
    cache_blocks: int = Field(0, ge=0, description="Blocks of 64 tokens in one server's cache: 2048 hold 37 photos of 13 tiles (12.9 GB with the 2B model). 0 counts out what fits on the card, 2048 at most.")


class Servers(Section):
    """Servers that the bot runs itself, for the engine's kinds `cpu` and `lmdeploy`."""

    count: int = Field(0, ge=0, description="Servers of the champion; a photo goes to the one with the fewest in work. 0: lmdeploy.servers, or one CPU engine.")
    canary_count: Count = Field(1, description="Servers of a canary.")
    threads: int = Field(0, ge=0, description="CPU threads of one CPU engine; 0 shares out the host's cores.")
    cores_apart: bool = Field(True, description="Give servers cores of their own while there are several, so that a starting one doesn't slow the others.")
    start_timeout_s: Positive = Field(300.0, description="Longest time from a server's start to its first joke.")
    probe_every_s: Positive = Field(20.0, description="A server without any sign of life for so long is asked for a joke about a photo of ours.")
    hang_s: Positive = Field(60.0, description="A server that is asked and says nothing for so long hangs, and is started again.")
    restart_delay_s: Positive = Field(1.0, description="Pause before a server is started again; it doubles with each failed start, ...")
    restart_delay_most_s: Positive = Field(60.0, description="... up to this.")
    wait_s: Positive = Field(180.0, description="How long photos wait for a server that starts again, before people are told that it is down.")
    drain_s: Positive = Field(120.0, description="How long a server that is replaced has to finish its jokes.")
    extra: bool = Field(True, description="Memory holds one server more than the champion's: needed for swaps without a pause, and for a canary.")
    predecessor: Literal["end", "sleep", "run"] = Field("sleep", description="The model before a swap: ended (`/rollback` takes a start), asleep (seconds; on a GPU about 0.8 GB and the weights in RAM, each server), or kept running.")
    sleep_while_training: bool = Field(False, description="Give the GPU's memory to a run while it trains; photos wait, and people are told. For small cards.")
    log_mb: Positive = Field(10.0, description="Size of a server's log file; as much again is kept of what came before.")


class LanguageSampling(Section):
    """Sampling for one language, in place of [joke]'s."""

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    repetition_penalty: float | None = Field(None, gt=0, le=10)
    repetition_ngram_size: int | None = Field(None, ge=0, le=1000)
    repetition_ngram_threshold: int | None = Field(None, ge=0, le=1000)


class Joke(Section):
    """What a joke is asked for with, where nobody says otherwise."""

    language: str = Field("en", description="Language of jokes for people whose own language has no prompts.")
    style: str = Field("", description="Style from prompts.toml; empty takes the language's default.")
    album: Literal["each", "one"] = Field("each", description="An album gets a joke for each photo, or one with buttons to ask for the others'.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature.")
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus sampling.")
    max_tokens: Count = Field(160, description="Longest joke, tokens.")
    repetition_penalty: float = Field(1.0, gt=0, le=10, description="Above 1 holds back words that were said already; 1.05 is much.")
    repetition_ngram_size: int = Field(8, ge=0, le=1000, description="A joke ends where its last so many tokens ...")
    repetition_ngram_threshold: int = Field(3, ge=0, le=1000, description="... have been written so many times; 0 lets it go on.")
    languages: dict[str, LanguageSampling] = Field({}, description="Other sampling for a language, as { zh = { temperature = 0.9 } }.")

    def sampling(self, language: str) -> dict[str, Any]:
        """Temperature, top_p, max_tokens and the repetition settings for a language, by their names here."""
        own = self.languages.get(language, LanguageSampling())
        return {name: getattr(self, name) if (value := getattr(own, name)) is None else value for name in LanguageSampling.model_fields}
