-- Users' own jokes about a photo. Such a joke has no model: its person_id is its author, its sampling columns are 0.

DROP INDEX jokes_by_model;
ALTER TABLE jokes ADD COLUMN written_by INTEGER REFERENCES models (id);
UPDATE jokes SET written_by = model_id;
ALTER TABLE jokes DROP COLUMN model_id;
ALTER TABLE jokes RENAME COLUMN written_by TO model_id;
CREATE INDEX jokes_by_model ON jokes (model_id, created_at);
CREATE INDEX jokes_by_author ON jokes (person_id, created_at) WHERE model_id IS NULL;

-- What users have written, by their own message. A row without a joke waits for its author's consent (it has a draft), or
-- was withdrawn.
CREATE TABLE punchlines (
    id         INTEGER PRIMARY KEY,
    person_id  INTEGER NOT NULL,                    -- the author
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,                    -- the author's message
    parent_id  INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,   -- the joke that it answers
    joke_id    INTEGER UNIQUE REFERENCES jokes (id) ON DELETE SET NULL,
    draft      TEXT,                                -- the text until it is a joke
    created_at REAL NOT NULL,
    UNIQUE (chat_id, message_id)
);
CREATE INDEX punchlines_by_author ON punchlines (person_id, created_at);
CREATE INDEX punchlines_by_parent ON punchlines (parent_id);

-- The messages in which the bot asks a user for a punchline; the answer is a reply to one.
CREATE TABLE punchline_requests (
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    person_id  INTEGER NOT NULL,
    joke_id    INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,
    created_at REAL NOT NULL,
    PRIMARY KEY (chat_id, message_id)
) WITHOUT ROWID;
CREATE INDEX punchline_requests_by_person ON punchline_requests (person_id, chat_id);
CREATE INDEX punchline_requests_by_joke ON punchline_requests (joke_id);

-- Who has agreed that punchlines of theirs are shown, rated and learnt from.
CREATE TABLE punchline_authors (
    person_id INTEGER PRIMARY KEY,
    agreed_at REAL NOT NULL
);
