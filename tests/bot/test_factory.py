"""The bot that the factory makes."""


def handlers_of(stage) -> list[object]:
    """The handler classes whose methods the routes lead to."""
    found = {}
    for handler in stage.app._application.handlers[0]:
        rest = [handler.callback]
        while rest:
            one = rest.pop()
            if owner := getattr(one, "__self__", None):
                found[id(owner)] = owner
            rest += [
                cell.cell_contents for cell in getattr(one, "__closure__", None) or () if callable(cell.cell_contents)
            ]
    return list(found.values())


async def test_a_handler_has_all_that_it_needs(stage):
    handlers = handlers_of(stage)
    assert len({type(one).__name__ for one in handlers}) >= 18
    missing = [(type(one).__name__, name) for one in handlers for name, value in vars(one).items() if value is None]
    assert missing == []


async def test_buttons_and_messages_that_no_other_route_takes_come_last(stage):
    handlers = [handler for handler in stage.app._application.handlers[0] if not hasattr(handler, "commands")]
    assert [type(handler).__name__ for handler in handlers[-2:]] == ["MessageHandler", "CallbackQueryHandler"]
