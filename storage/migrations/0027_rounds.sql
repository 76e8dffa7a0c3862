-- Rounds of Oogiri: the users of a group and the bot write punchlines for one photo, then the users vote.

CREATE TABLE rounds (
    id          INTEGER PRIMARY KEY,
    chat_id     INTEGER NOT NULL,
    person_id   INTEGER NOT NULL,                   -- who began it
    photo_id    INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    joke_id     INTEGER NOT NULL UNIQUE REFERENCES jokes (id) ON DELETE CASCADE,    -- the bot's entry
    state       TEXT NOT NULL CHECK (state IN ('collecting', 'closing', 'voting', 'scoring', 'over')),
    update_id   INTEGER UNIQUE,                     -- the update that asked for it
    message_id  INTEGER,                            -- the message with the photo; NULL until it is sent
    ballot_id   INTEGER,                            -- the message with the entries
    due_at      REAL NOT NULL,                      -- when the state ends by itself
    created_at  REAL NOT NULL
);
CREATE UNIQUE INDEX one_open_round ON rounds (chat_id) WHERE state != 'over';
CREATE INDEX rounds_by_photo ON rounds (photo_id);
CREATE INDEX rounds_by_message ON rounds (chat_id, message_id);

CREATE TABLE round_entries (
    round_id INTEGER NOT NULL REFERENCES rounds (id) ON DELETE CASCADE,
    joke_id  INTEGER NOT NULL UNIQUE REFERENCES jokes (id) ON DELETE CASCADE,
    position INTEGER,                               -- on the ballot, from 1; NULL before
    PRIMARY KEY (round_id, joke_id)
) WITHOUT ROWID;

CREATE TABLE round_votes (
    round_id  INTEGER NOT NULL,
    joke_id   INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    voted_at  REAL NOT NULL,
    PRIMARY KEY (round_id, joke_id, person_id),
    FOREIGN KEY (round_id, joke_id) REFERENCES round_entries (round_id, joke_id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX round_votes_by_person ON round_votes (person_id);
