"""Model directories: one checker for every program that reads one. Standard library only, for all environments.

    locate_checkpoint(path) -> Path            the directory that holds the files, absolute
    check_checkpoint(path) -> Checkpoint       reads it and raises CheckpointError, one line that says what to do
    missing_files(directory) -> list[str]      what a directory lacks that its base has
    complete(directory, base) -> list[str]     copies these files from the base
    fingerprint_content(directory) -> str      recognises a model that was moved

A check reads configurations, tokenizer settings and the headers of the weight files, not the weights: milliseconds for
a 2B model.
"""
