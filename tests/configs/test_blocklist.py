"""Words that no joke may hold are found however they are spelt, and in no other word."""

import pytest

from configs.blocklist import BlockList
from configs.errors import SettingsError
from configs.safety import SafetySettings
from configs.settings import load_settings


@pytest.mark.parametrize(
    "text", ["a damn cat", "DAMN!", "ｄａｍｎ", "d\u200bam\u00adn", "d\u2060a\ufe0fmn cat", "猫damn猫", "oh,damn."]
)
def test_a_word_is_found_however_it_is_spelt(text):
    assert BlockList.read(["Damn"]).hit(text, "en") == "Damn"


@pytest.mark.parametrize("text", ["damnation", "goddamn", "a dam, n cats", "cat"])
def test_other_words_that_hold_it_are_not(text):
    assert BlockList.read(["damn"]).hit(text, "en") is None


def test_a_phrase_bears_any_space_and_chinese_needs_none():
    blocked = BlockList.read(["go away", "坏猫"])
    assert blocked.hit("Go\n  AWAY, cat", "en") and blocked.hit("这只坏猫笑了", "zh") and not blocked.hit("好猫", "zh")


def test_letters_that_folding_changes_are_found():
    assert BlockList.read(["STRASSE"]).hit("die Straße", "de") and BlockList.read(["café"]).hit("cafe\u0301", "en")


def test_a_pattern_is_one_and_an_entry_may_hold_for_one_language():
    blocked = BlockList.read([r"/d[a4]mn\w*/", "zh: gift", "", "# cat", "  # dog"])
    assert blocked.hit("D4MNED", "en") and not blocked.hit("cat and dog", "en")
    assert blocked.hit("a Gift", "zh") == "zh: gift" and not blocked.hit("a gift", "en") and blocked.hit("a gift")


def test_an_empty_list_holds_nothing_back():
    assert BlockList.of(SafetySettings()).hit("anything", "en") is None


def test_settings_and_file_make_one_list(tmp_path, monkeypatch):
    (tmp_path / "words.txt").write_text("# ours\nbad cat\nzh: 坏猫\n", encoding="utf-8")
    monkeypatch.setenv("JOKEBOT_SAFETY_BLOCKED", "first, second word")
    monkeypatch.setenv("JOKEBOT_SAFETY_BLOCKED_FILE", str(tmp_path / "words.txt"))
    blocked = BlockList.of(load_settings().safety)
    assert [entry.written for entry in blocked.entries] == ["first", "second word", "bad cat", "zh: 坏猫"]


@pytest.mark.parametrize(("entry", "said"), [("/(/", "no regular expression"), ("/x*/", "matches every joke")])
def test_a_pattern_that_is_none_or_matches_all_is_refused(entry, said):
    with pytest.raises(SettingsError, match=said):
        BlockList.read([entry])


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match="missing.txt .*safety.blocked_file"):
        BlockList.of(SafetySettings(blocked_file=tmp_path / "missing.txt"))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(SettingsError, match="not UTF-8"):
        BlockList.of(SafetySettings(blocked_file=tmp_path / "latin.txt"))


def test_entries_reach_a_runs_process_as_they_are(monkeypatch, tmp_path):
    """The bot hands its settings on in variables."""
    from bot.retraining.pipeline_process import train_environment
    from configs.settings import Settings

    entries = ["/a{1,3}b/", "two words", "zh: 坏"]
    monkeypatch.chdir(tmp_path)
    handed_on = train_environment(Settings(safety={"blocked": entries, "blocked_file": "words.txt"}))
    for name, value in handed_on.items():
        monkeypatch.setenv(name, value)
    safety = load_settings().safety
    assert safety.blocked == entries and safety.blocked_file == tmp_path / "words.txt"
