"""Settings of how it learns: which jokes, how a run trains, when runs begin and what is kept of them."""
from typing import Literal

from pydantic import Field, field_validator

from configs.section import Count, Positive, Section


class Selection(Section):
    """Which rated jokes the model learns from, and which photos it never sees in training."""

    minimum_raters: Count = Field(1, description="People who must have rated a joke; raters who vote as one count as one.")
    minimum_posterior: float = Field(0.6, ge=0.5, lt=1, description="Least probability that a joke is better than others for its photo.")
    minimum_mean: float = Field(2.0, ge=1, le=3, description="Least average verdict; 3 is funny, 2 somewhat, 1 not at all.")
    person_share: float = Field(0.2, gt=0, le=1, description="Largest share of a dataset's rows that one person decides.")
    person_share_from: Count = Field(5, description="People who must have rated before that share counts.")
    weigh_raters: bool = Field(True, description="Take off raters' leniency and count raters who vote as one as one.")
    newcomer_days: float = Field(7.0, ge=0, description="Days from a person's first rating in which bursts of theirs count less; 0 for never.")
    newcomer_weight: float = Field(0.25, gt=0, le=1, description="What a newcomer's rating in a burst counts.")
    burst_ratings: int = Field(30, ge=2, description="So many ratings of one person make a burst, when they come within")
    burst_minutes: Positive = Field(10.0, description="so many minutes.")
    jokes_per_photo: Count = Field(2, description="Most jokes of one photo in a dataset.")
    jokes_per_group: Count = Field(4, description="Most jokes of a photo and its near-duplicates together.")
    max_age_days: Positive = Field(365.0, description="Older ratings don't count.")
    max_rows: Count = Field(2000, description="Most rows to train on, new and replayed.")
    replay_per_new: float = Field(1.0, ge=0, description="Jokes learnt before that are repeated, for each new one.")
    imported_per_new: float = Field(0.0, ge=0, description="Rows of imported datasets that are repeated, for each new one.")
    holdout_share: float = Field(0.1, gt=0, lt=1, description="Share of photos held out for measuring; decided once for a photo.")
    holdout_photos: Count = Field(500, description="Most held-out photos in a dataset.")
    near_duplicate_bits: int = Field(10, ge=0, le=12, description="Photos whose 64-bit perceptual hashes differ in at most so many bits are one.")
    max_length: Count = Field(8192, description="Longest row, tokens, the picture's included.")


class Training(Section):
    """A QLoRA run; the figures are those of the InternLM camp's joke task."""

    batch_size: Count = Field(4, description="Photos in one step on one GPU.")
    accumulation: Count = Field(4, description="Steps whose gradients make one update.")
    epochs: Count = Field(6, description="Times that each row is seen.")
    learning_rate: Positive = Field(2e-5, description="Peak of the learning rate.")
    weight_decay: float = Field(0.05, ge=0, description="AdamW's weight decay.")
    warmup: float = Field(0.03, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    max_norm: Positive = Field(1.0, description="Gradients longer than this are shortened to it.")
    lora_rank: Count = Field(128, description="Rank of the LoRA matrices.")
    lora_alpha: Count = Field(256, description="LoRA's scaling is this divided by the rank.")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="Share of the LoRA's inputs that are left out at random.")
    nf4: bool = Field(True, description="Keep the frozen language model in 4 bits (QLoRA).")
    max_length: Count = Field(8192, description="Longest row, tokens, the picture's included.")
    seed: int = Field(1, ge=0, description="Order of the rows, first LoRA weights, dropout.")
    checkpoint_steps: Count = Field(500, description="Steps between two checkpoints that a stopped run can continue from.")
    keep_checkpoints: Count = Field(2, description="Checkpoints kept of one run.")
    workers: int = Field(4, ge=0, description="Processes that prepare photos on a GPU host.")
    gpus: Count = Field(1, description="GPUs of one run; more than one are started through torchrun.")
    deepspeed: str = Field("", description="XTuner's DeepSpeed configuration, deepspeed_zero1 say, where DeepSpeed is installed; not tested.")
    recompute: Literal["auto", "always", "never"] = Field("auto", description="Compute activations again in the backward pass; auto does it where memory is short.")
    features_gb: float = Field(60.0, ge=0, description="Disk for kept picture features (2 MB a tile); 0 keeps none.")


class Gate(Section):
    """What a candidate must not do on held-out photos before people see it (docs/gate.md says why these numbers)."""

    photos: Count = Field(200, description="Most held-out photos that both models are measured on.")
    replies: Count = Field(60, description="Of these, photos that both models write a new joke about, in each language that people used.")
    gallery: Count = Field(8, description="Photos shown with both models' jokes.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling of these jokes; keep it as in [joke].")
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus sampling of these jokes.")
    max_tokens: Count = Field(160, description="Longest of these jokes, tokens.")
    wrong_language: float = Field(0.02, ge=0, le=1, description="Share of replies in another language that is let pass on top of the champion's.")
    likelihood_margin: float = Field(0.1, ge=0, description="Nats a token that liked jokes may become less likely.")
    likelihood_photos: Count = Field(10, description="Photos with a liked joke that the likelihood must have to be held against a candidate.")
    likelihood_drift: Positive = Field(2.0, description="Nats a token less likely that are held against a candidate on however few photos.")
    ranking_margin: float = Field(0.05, ge=0, le=1, description="Points of ranking accuracy that a candidate may lose.")
    ranking_photos: Count = Field(30, description="Photos with liked and disliked jokes that the ranking must have to be held against a candidate.")
    entropy_ratio: float = Field(0.6, ge=0, le=1, description="Least variety of its jokes, as a share of the reference's.")
    distinct_ratio: float = Field(0.6, ge=0, le=1, description="Least share of different word pairs, as a share of the reference's.")
    self_overlap: float = Field(0.2, ge=0, le=1, description="How much more its jokes may be like each other than the reference's (ROUGE-L, 0 to 1).")
    copying: float = Field(0.3, ge=0, le=1, description="How much more of its jokes may stand word for word in the training text (0 to 1).")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the bootstrap's intervals over photos.")
    batch: Count = Field(16, description="Rows in one pass of the model; halved where memory runs out.")
    seed: int = Field(1, ge=0, description="Of the sampling and the bootstrap.")


class Canary(Section):
    """How a candidate that passed the gate is tried on people (docs/gate.md)."""

    early_share: float = Field(0.1, gt=0, lt=1, description="Share of deliveries that a new candidate takes.")
    early_ratings: int = Field(50, ge=0, description="Ratings of its jokes that must show no harm before it takes more.")
    share: float = Field(0.5, gt=0, lt=1, description="Share that it takes then.")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="Probability that a candidate that is no better is promoted, and that one that is no worse is said to harm.")
    ratings: Count = Field(1000, description="Ratings of both models together after which a trial ends without a verdict.")
    days: Positive = Field(14.0, description="Days after which a trial ends without a verdict.")


class Duel(Section):
    """Two jokes for one photo, the champion's and the candidate's, and a person chooses, while a candidate is on trial."""

    every: int = Field(20, ge=0, description="At most one photo in so many, never twice in a row in a chat, and in private chats alone; 0 for never.")


class Watch(Section):
    """The watch over a new champion: if its jokes are liked less than those before, the one before takes over again."""

    ratings: int = Field(1000, ge=0, description="Ratings of the new champion over which it is watched; 0 for never.")
    days: Positive = Field(30.0, description="Longest watch.")
    alpha: float = Field(0.01, gt=0, lt=0.5, description="Probability that a champion that is as good as the one before is taken back.")


class Retrain(Section):
    """When a run begins, what it starts from, and what is kept of runs and models."""

    cron: str = Field("30 4 * * *", description="When a run is due: minute, hour, day, month, weekday, in this machine's time; empty is never.")
    pairs: int = Field(200, ge=0, description="New good pairs of photo and joke that begin a run by themselves; 0 is never.")
    minimum_pairs: Count = Field(20, description="Fewer new good pairs than that are too few for a run, whoever asks.")
    start: Literal["base", "champion"] = Field("base", description="A run starts from the base model and repeats all old pairs, or from the champion and repeats some.")
    attempts: Count = Field(3, description="Times that a step is begun, after kills and crashes, before its run has failed.")
    disk_reserve_gb: float = Field(2.0, ge=0, description="Disk that must be left free beside all that a run writes.")
    memory_reserve_gb: float = Field(0.5, ge=0, description="Memory that must be free beside a model's weights.")
    stop_grace_s: Positive = Field(120.0, description="How long a step that is asked to stop may take to write its checkpoint.")
    nice: int = Field(10, ge=0, le=19, description="How far a run gives way to the chat where both want the processor; 19 is the most.")
    keep_models: int = Field(3, ge=0, description="Models whose files are kept besides the champion, its predecessor, bases and one on trial.")
    keep_runs: Count = Field(10, description="Runs whose curves, measures and galleries are kept.")

    @field_validator("cron")
    @classmethod
    def five_fields(cls, cron: str) -> str:
        if cron and len(cron.split()) != 5:
            raise ValueError("it has five fields: minute, hour, day of month, month, day of week")
        return cron
