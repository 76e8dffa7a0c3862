"""Model directories: one checker for every program that reads one. Standard library only, for all environments.

    locate_checkpoint(path) -> Path            the directory that holds the files, absolute
    check_checkpoint(path) -> Checkpoint       reads it and raises CheckpointError, one line that says what to do
    model_name(path) -> str                    a model's name from the path that a user gave
    template_of(directory) -> str              the chat template that a model was trained with
    lmdeploy_template(directory) -> dict       the same for LMDeploy's --chat-template
    complete(directory, base) -> list[str]     copies code and tokenizer that a directory lacks from its base
    fingerprint_content(directory) -> str      recognises a model that was moved

`storage/learning/serving_model.py` decides with them which model is served, for `run` and `doctor`.

A check reads configurations, tokenizer settings and the headers of the weight files, not the weights: milliseconds for
a 2B model.
"""
