"""Settings of learning: selection of jokes, training, gate, and the schedule of runs."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from configs.base import Count, GpuId, Positive, SettingsSection, split_list
from configs.launcher import split_launcher


class SelectionSettings(SettingsSection):
    """Which rated jokes the model learns from, and which photos are held out."""

    STORED_NAMES: ClassVar[dict[str, str]] = {
        "min_raters": "minimum_raters",
        "min_posterior": "minimum_posterior",
        "min_mean": "minimum_mean",
        "max_user_share": "person_share",
        "max_user_share_min_users": "person_share_from",
        "max_jokes_per_photo": "jokes_per_photo",
        "max_jokes_per_group": "jokes_per_group",
    }

    min_raters: Count = Field(1, description="Users who must have rated a joke. Raters who always agree count as one.")
    min_posterior: float = Field(
        0.6, ge=0.5, lt=1, description="Least probability that a joke is better than other jokes about its photo."
    )
    min_mean: float = Field(
        2.0, ge=1, le=3, description="Least mean rating: 3 is funny, 2 somewhat funny, 1 not funny."
    )
    max_user_share: float = Field(
        0.2, gt=0, le=1, description="Largest share of a dataset's rows that one user's ratings decide."
    )
    max_user_share_min_users: Count = Field(5, description="Users who must have rated before that share applies.")
    weigh_raters: bool = Field(
        True, description="Correct for raters' leniency, and count raters who always agree as one."
    )
    newcomer_days: float = Field(
        7.0,
        ge=0,
        description=("Days after a user's first rating in which bursts of ratings count less. 0 turns this off."),
    )
    newcomer_weight: float = Field(0.25, gt=0, le=1, description="Weight of a new user's rating in a burst.")
    burst_ratings: int = Field(30, ge=2, description="Ratings of one user that make a burst.")
    burst_minutes: Positive = Field(10.0, description="Minutes within which these ratings must come.")
    max_jokes_per_photo: Count = Field(2, description="Most jokes of one photo in a dataset.")
    max_jokes_per_group: Count = Field(4, description="Most jokes of a photo and its near-duplicates together.")
    max_jokes_per_text: Count = Field(
        3, description="Most rows with the same text, over all photos. Case, spaces, punctuation and emoji don't count."
    )
    max_jokes_per_author: Count = Field(
        20, description="Most rows that one user wrote as punchlines. Of one photo a user has at most one."
    )
    max_age_days: Positive = Field(365.0, description="Oldest rating that counts, days.")
    max_rows: Count = Field(2000, description="Most rows to train on, new and replayed.")
    replay_per_new: float = Field(1.0, ge=0, description="Replayed jokes of earlier runs for each new joke.")
    imported_per_new: float = Field(0.0, ge=0, description="Rows of imported datasets for each new joke.")
    holdout_share: float = Field(
        0.1, gt=0, lt=1, description="Share of photos that are held out for evaluation. Decided once per photo."
    )
    holdout_enough: Count = Field(
        300, description="Held-out photos from which on only a fifth of that share of new photos is held out."
    )
    holdout_photos: Count = Field(500, description="Most held-out photos in a dataset.")
    near_duplicate_bits: int = Field(
        10,
        ge=0,
        le=12,
        description=("Photos whose 64-bit perceptual hashes differ in at most this many bits are near-duplicates."),
    )
    max_length: Count = Field(8192, description="Longest row, tokens, the photo's included.")


class TrainingSettings(SettingsSection):
    """QLoRA training. The defaults are those of the InternLM camp's joke task."""

    STORED_NAMES: ClassVar[dict[str, str]] = {
        "gradient_checkpointing": "recompute",
        "feature_cache_gb": "features_gb",
    }

    batch_size: Count = Field(4, description="Photos per step on one GPU.")
    accumulation: Count = Field(4, description="Steps whose gradients are accumulated for one update.")
    epochs: Count = Field(6, description="Passes over the rows.")
    learning_rate: Positive = Field(2e-5, description="Peak learning rate.")
    weight_decay: float = Field(0.05, ge=0, description="AdamW's weight decay.")
    warmup: float = Field(0.03, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    max_norm: Positive = Field(1.0, description="Largest gradient norm; larger gradients are clipped.")
    lora_rank: Count = Field(128, description="Rank of the LoRA matrices.")
    lora_alpha: Count = Field(256, description="LoRA alpha: LoRA updates are scaled by alpha divided by the rank.")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="Dropout of the LoRA inputs.")
    nf4: bool = Field(True, description="Keep the frozen language model in 4 bits (QLoRA).")
    max_length: Count = Field(8192, description="Longest row, tokens, the photo's included.")
    seed: int = Field(1, ge=0, description="Seed of the row order, the initial LoRA weights and the dropout.")
    row_weights: bool = Field(
        True, description="Weigh rows in the loss by how surely their jokes are better than others (docs/datasets.md)."
    )
    checkpoint_steps: Count = Field(
        500, description="Steps between two checkpoints, from which a stopped run continues."
    )
    keep_checkpoints: Count = Field(2, description="Checkpoints to keep per run.")
    workers: int = Field(4, ge=0, description="Processes that prepare photos on a GPU host.")
    gpus: Count = Field(1, description="GPUs of one run. With more than one, torchrun starts the training.")
    launcher: str = Field(
        "",
        description=(
            "Command that runs the training of the bot's runs on another machine (docs/deploy/training-elsewhere.md). "
            "Placeholders: {run}, {dataset}, {base}, {command}. Empty: this machine."
        ),
    )
    gpu_ids: Annotated[list[GpuId], BeforeValidator(split_list)] = Field(
        [],
        description=(
            "GPUs of runs, by nvidia-smi's numbers, for example [1] beside lmdeploy.gpu_ids = [0]. All of them train, "
            "whatever training.gpus says. Empty: those of CUDA_VISIBLE_DEVICES, else the host's, from the first on."
        ),
    )
    deepspeed: str = Field(
        "",
        description=(
            "XTuner's DeepSpeed configuration, `deepspeed_zero1` or `deepspeed_zero2`. Needs `make env-deepspeed`. "
            "Empty: plain torchrun."
        ),
    )
    gradient_checkpointing: Literal["auto", "always", "never"] = Field(
        "auto",
        description=("Recompute activations in the backward pass. `auto`: where memory is short."),
    )
    feature_cache_gb: float = Field(
        60.0, ge=0, description="Disk for cached image features, GB (2 MB per tile). 0 turns the cache off."
    )

    @field_validator("launcher")
    @classmethod
    def valid_launcher(cls, template: str) -> str:
        split_launcher(template)
        return template

    @property
    def gpu_count(self) -> int:
        """GPUs of one run."""
        return len(self.gpu_ids) or self.gpus


class GateSettings(SettingsSection):
    """What the gate demands of a candidate on held-out photos (docs/gate.md explains the defaults)."""

    STORED_NAMES: ClassVar[dict[str, str]] = {
        "replies_per_language": "replies",
        "max_wrong_language_increase": "wrong_language",
        "max_likelihood_drift": "likelihood_drift",
        "max_copying_increase": "copying",
        "batch_size": "batch",
    }

    photos: Count = Field(200, description="Most held-out photos on which both models are evaluated.")
    replies_per_language: Count = Field(
        480, description="New jokes about these photos that each model writes in each language in use."
    )
    gallery: Count = Field(8, description="Photos shown with both models' jokes.")
    temperature: float = Field(
        0.8, ge=0, le=2, description="Sampling temperature of these jokes. Keep it equal to that of [joke]."
    )
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus sampling of these jokes.")
    max_tokens: Count = Field(160, description="Longest of these jokes, tokens.")
    max_wrong_language_increase: float = Field(
        0.02,
        ge=0,
        le=1,
        description=("Largest increase of the share of replies in the wrong language, compared with the champion."),
    )
    likelihood_margin: float = Field(
        0.1, ge=0, description="Largest drop of the likelihood of liked jokes, nats per token."
    )
    likelihood_photos: Count = Field(
        10, description="Photos with liked jokes that the likelihood needs to reject a candidate."
    )
    min_liked_photos: int = Field(
        1,
        ge=0,
        description=(
            "Held-out photos with a liked joke without which the gate is undecided. With 0 the new jokes alone decide."
        ),
    )
    max_likelihood_drift: Positive = Field(
        2.0,
        description=("Drop of the likelihood that rejects a candidate however few photos there are, nats per token."),
    )
    failure_alpha: float = Field(
        0.005, gt=0, lt=0.5, description="Significance level of the one-sided test for empty or broken replies."
    )
    variety_ratio: float = Field(
        0.6, gt=0, le=1, description="Least effective number of kinds of jokes, relative to the base model's."
    )
    entropy_ratio: float = Field(
        0.45, gt=0, le=1, description="Least effective number of word pairs (exp of Ent-2), relative to the base's."
    )
    distinct_ratio: float = Field(
        0.5, gt=0, le=1, description="Least share of distinct word pairs, relative to the base's."
    )
    max_commonest_text_increase: float = Field(
        0.1, ge=0, le=1, description="Largest increase of the share of the most frequent joke, compared with the base."
    )
    max_commonest_shape_increase: float = Field(
        0.3, ge=0, le=1, description="Largest increase of the share of the most frequent kind of joke."
    )
    max_repetition_factor: float = Field(
        4.0, ge=1, description="Largest factor by which equal openings, closings or jokes on one photo become frequent."
    )
    max_phrase_increase: float = Field(
        0.6, ge=0, le=1, description="Largest increase of the share of jokes with one word or pair of words."
    )
    max_emoji_increase: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Largest increase of the share of jokes with one emoji; of emoji a joke, twice that.",
    )
    length_ratio: float = Field(
        0.67, gt=0, le=1, description="Least mean length of its jokes, relative to the base's. Its inverse is the most."
    )
    grounding_ratio: float = Field(
        0.4, gt=0, le=1, description="Least degree to which jokes are about their photos, relative to the base's."
    )
    max_echo_increase: float = Field(
        0.25, ge=0, le=1, description="Largest increase of the share of a joke that repeats the user's caption."
    )
    max_copying_increase: float = Field(
        0.3,
        ge=0,
        le=1,
        description=("Largest increase of the share of jokes copied word for word from the training text (0 to 1)."),
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="Confidence level of the bootstrap intervals over photos."
    )
    batch_size: Count = Field(16, description="Rows per forward pass. Halved when memory runs out.")
    seed: int = Field(1, ge=0, description="Seed of the sampling and the bootstrap.")


class RetrainSettings(SettingsSection):
    """When a run starts, what it starts from, and how much of runs and models is kept."""

    cron: str = Field(
        "30 4 * * *",
        description=(
            "When a run is due: minute, hour, day, month, weekday, in the time zone of this machine. Empty: never."
        ),
    )
    start_at_new_pairs: int = Field(
        200, ge=0, description="New pairs of photo and liked joke that start a run. 0: never."
    )
    min_pairs: Count = Field(60, description="Least number of new pairs for any run.")
    schedule_min_pairs: Count = Field(
        150,
        description=(
            "Least number of new pairs for a run by `cron`. The trial of a model that learnt from fewer hardly ever "
            "reaches a verdict, and keeps the next run waiting."
        ),
    )
    start_from: Literal["base", "champion"] = Field(
        "base",
        description=(
            "`base`: start from the base model and replay all old jokes. `champion`: start from the champion and "
            "replay some."
        ),
    )
    max_step_attempts: Count = Field(
        3, description="Attempts of a step, after kills and crashes, before its run fails."
    )
    disk_reserve_gb: float = Field(2.0, ge=0, description="Disk that must stay free beyond what a run writes.")
    memory_reserve_gb: float = Field(0.5, ge=0, description="Memory that must be free beyond a model's weights.")
    stop_grace_s: Positive = Field(120.0, description="Longest time that a stopped step has to write its checkpoint.")
    nice: int = Field(
        10, ge=0, le=19, description="CPU niceness of a run, from 0 to 19. Higher values favour the chat."
    )
    keep_models: int = Field(
        3,
        ge=0,
        description=(
            "Models whose files are kept, besides the champion, the previous champion, bases and a model on trial."
        ),
    )
    keep_runs: Count = Field(10, description="Runs whose curves, results and galleries are kept.")

    @field_validator("cron")
    @classmethod
    def five_fields(cls, cron: str) -> str:
        if cron and len(cron.split()) != 5:
            raise ValueError("it has five fields: minute, hour, day of month, month, day of week")
        return cron
