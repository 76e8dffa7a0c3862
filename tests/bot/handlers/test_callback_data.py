"""Buttons' data: old messages stay in chats, so the formats stay what they were."""

import pytest

from bot.handlers import callback_data as buttons

WIRE = {
    "r:12:3": buttons.RateButton(12, 3),
    "a:12": buttons.AnotherJokeButton(12),
    "n:5": buttons.AlbumPhotoButton(5),
    "d:7:meh": buttons.DuelButton(7, "meh"),
    "f:1001:yes": buttons.ForgetButton(1001, "yes"),
    "l:1001:zh": buttons.LanguageButton(1001, "zh"),
    "c:style": buttons.SettingsButton("style"),
    "c:style:dry-wit": buttons.SettingsButton("style", "dry-wit"),
    "v:keep:12": buttons.ReviewButton("keep", 12),
    "b:12": buttons.BetterButton(12),
    "p:4": buttons.PublishButton(4),
    "z:12": buttons.WithdrawButton(12),
    "e:7": buttons.EndRoundButton(7),
    "o:7:3": buttons.VoteButton(7, 3),
    "u:2": buttons.UsersPageButton(2),
    "s:dark": buttons.StatsButton("dark"),
    "yes:1001:promote:4": buttons.Confirmation("yes", 1001, "promote", 4),
    "no:1001:retrain:812": buttons.Confirmation("no", 1001, "retrain", 812),
}


@pytest.mark.parametrize(("data", "button"), WIRE.items(), ids=WIRE)
def test_the_wire_format_stays(data, button):
    assert button.encode() == data
    assert type(button).decode(data) == button


@pytest.mark.parametrize("data", WIRE)
def test_each_button_is_of_one_kind(data):
    assert [kind for kind in buttons.CallbackData.__subclasses__() if kind.decode(data)] == [type(WIRE[data])]


@pytest.mark.parametrize("kind", [buttons.PromoteConfirmation, buttons.RetrainConfirmation])
def test_a_question_takes_no_answer_to_another(kind):
    others = {other for other in buttons.Confirmation.__subclasses__() if other is not kind}
    assert kind("yes", 1001, kind.WHAT, 4).encode() == f"yes:1001:{kind.WHAT}:4"
    assert kind.decode(f"no:1001:{kind.WHAT}:4") == kind("no", 1001, kind.WHAT, 4)
    assert others and not any(other.decode(f"no:1001:{kind.WHAT}:4") for other in others)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ("l:", "not-your-button"),
        ("f:1001:perhaps", "forget-not-yours"),
        ("z:1", "button-unknown"),
        ("", "button-unknown"),
        (None, "button-unknown"),
        ("r:1:9", "button-unknown"),
    ],
)
def test_data_that_is_no_button_is_rejected_as_its_prefix_says(data, key):
    assert buttons.rejection_key(data) == key


@pytest.mark.parametrize(
    "data", [None, "", "r:", "r:1:4", "r:1:3\n", "r:-1:3", "a:1234567890123456789", "yes:1:PROMOTE:1", "c:"]
)
def test_other_data_is_no_button(data):
    assert not any(kind.decode(data) for kind in buttons.CallbackData.__subclasses__())
