"""The bot that the factory builds."""


def handlers_of(stage) -> list[object]:
    """The objects whose methods are the routes' handlers."""
    owners = {}
    for handler in stage.app._application.handlers[0]:
        rest = [handler.callback]
        while rest:
            function = rest.pop()
            if owner := getattr(function, "__self__", None):
                owners[id(owner)] = owner
            rest += [
                cell.cell_contents
                for cell in getattr(function, "__closure__", None) or ()
                if callable(cell.cell_contents)
            ]
    return list(owners.values())


async def test_a_handler_has_all_that_it_needs(stage):
    handlers = handlers_of(stage)
    assert len({type(handler).__name__ for handler in handlers}) >= 18
    missing = [
        (type(handler).__name__, name) for handler in handlers for name, value in vars(handler).items() if value is None
    ]
    assert missing == []


async def test_buttons_and_messages_that_no_other_route_takes_come_last(stage):
    handlers = [handler for handler in stage.app._application.handlers[0] if not hasattr(handler, "commands")]
    assert [type(handler).__name__ for handler in handlers[-2:]] == ["MessageHandler", "CallbackQueryHandler"]
