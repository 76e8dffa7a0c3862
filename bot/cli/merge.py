"""`jokebot merge`: merge an adapter into its base model."""

import argparse

from configs.settings import Settings

HELP = "merge an adapter of `jokebot train` into its base model"
ENVIRONMENT = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from trainer.merge import __main__ as command

    command.add_arguments(parser)


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the result as one line of JSON."""
    from trainer.merge import __main__ as command

    return command.run(arguments)
