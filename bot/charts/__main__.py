"""python -m bot.charts NAME < content.json > picture.png: the process that draws one picture (see render.py)."""

import json
import sys

from configs.errors import JokebotError


def main() -> None:
    """Draw the picture whose content is on the standard input."""
    from bot.charts import run_card, stats_card

    cards = {
        "run": lambda content: run_card.draw(run_card.RunCard.from_json(content)),
        "stats": lambda content: stats_card.draw(stats_card.StatsCard.from_json(content)),
    }
    try:
        sys.stdout.buffer.write(cards[sys.argv[1]](json.load(sys.stdin)))
    except JokebotError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
