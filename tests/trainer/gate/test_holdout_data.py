"""What the gate reads out of a dataset."""

import json
from pathlib import Path

from configs.learning import GateSettings
from configs.prompts import caption_of, load_prompts
from trainer.gate.holdout_data import HoldoutData, HoldoutJoke, HoldoutPhoto, read_held_out
from trainer.gate.replies import CAPTION, build_requests

from .conftest import write_dataset


def rate(dataset, values: dict[str, list[int]]) -> None:
    """Give rows other ratings; none for an empty list."""
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["rows"]:
        if entry["id"] in values:
            entry["ratings"] = [
                {"rater": rater, "value": value, "weight": 1.0} for rater, value in enumerate(values[entry["id"]])
            ]
    path.write_text(json.dumps(manifest))


def test_photos_that_tell_most_come_first_and_no_more_than_wanted(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", photos=4, training=0)
    rate(dataset, {"joke-0-2": [3], **{f"joke-1-{place}": [1] for place in range(3)}})
    photos = read_held_out(dataset, 10).photos
    assert [photo.telling for photo in photos] == [2, 2, 1, 0]
    assert [photo.name for photo in read_held_out(dataset, 2).photos] == [photo.name for photo in photos[:2]]
    assert photos[0].pairs() == [(0, 2)], "a liked and a disliked joke are compared within their language"


def test_liked_is_what_more_people_like_than_not(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", photos=1, training=0)
    rate(dataset, {"joke-0-0": [3, 2, 1], "joke-0-1": [2, 1], "joke-0-2": [2, 1, 1]})
    jokes = read_held_out(dataset, 10).photos[0].jokes
    assert [(joke.liked, joke.disliked) for joke in jokes] == [(True, False), (False, False), (False, True)]


def test_imported_jokes_without_ratings_are_liked_ones(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", photos=1, training=0)
    rate(dataset, {"joke-0-0": []})
    assert read_held_out(dataset, 10).photos[0].jokes[0].liked


def test_new_jokes_are_asked_for_with_what_the_recogniser_saw(tmp_path):
    """In a language in which no user asked, the photo's slot is written anew; else the users' own prompts are used."""
    dataset = write_dataset(tmp_path / "dataset", photos=1, training=30)
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["rows"]:
        if entry["part"] == "holdout":
            entry |= {"language": "en", "seen": "otter"}
    path.write_text(json.dumps(manifest))
    held_out = read_held_out(dataset, 10)
    assert held_out.photos[0].seen == "otter" and "zh" in held_out.languages
    asked = build_requests(held_out, GateSettings(replies_per_language=4))
    ask = load_prompts().ask
    own, ask = {joke.prompt for joke in held_out.photos[0].jokes}, load_prompts().ask
    for language, plain in (("en", own), ("zh", {ask("zh", seen="otter")})):
        prompts = {prompt for _, asked_language, prompt in asked if asked_language == language}
        assert prompts & plain and prompts <= plain | {ask(language, caption=CAPTION[language], seen="otter")}


def test_a_photo_whose_file_is_gone_is_passed_over(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", photos=2, training=0)
    gone = read_held_out(dataset, 10).photos[0]
    gone.path.unlink()
    assert gone.name not in [photo.name for photo in read_held_out(dataset, 10).photos]


def test_languages_that_hardly_anybody_uses_are_not_asked_for(tmp_path):
    dataset = write_dataset(tmp_path / "dataset", photos=1, training=30)
    assert read_held_out(dataset, 10).languages == ["en", "zh"]
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text())
    for entry in manifest["rows"][1:]:
        entry["language"] = "en"
    path.write_text(json.dumps(manifest))
    assert read_held_out(dataset, 10).languages == ["en"]


def held_out(caption: str | None = None) -> HoldoutData:
    """Eight photos, the first of them with a caption if given."""
    photos = [
        HoldoutPhoto(
            str(number),
            Path(str(number)),
            (HoldoutJoke(load_prompts().ask("zh", caption=None if number else caption), "…", "zh", 1.0),),
        )
        for number in range(8)
    ]
    return HoldoutData(photos, [], ["zh"])


def test_some_jokes_are_asked_for_with_a_caption_where_users_gave_none():
    requests = build_requests(held_out(), GateSettings())
    captioned = [photo.name for photo, _, prompt in requests if caption_of(prompt)]
    assert set(captioned) == {"0", "4"} and len(captioned) == len(requests) / 8
    assert {caption_of(prompt) for _, _, prompt in build_requests(held_out("看这只猫"), GateSettings())} == {
        None,
        "看这只猫",
    }
