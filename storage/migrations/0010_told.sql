-- What admins were told about runs, so that they are told it once; and the language to tell it in.

CREATE TABLE run_news (
    run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    chat_id INTEGER NOT NULL,
    what    TEXT NOT NULL CHECK (what IN ('judged', 'ended')),
    told_at REAL NOT NULL,
    PRIMARY KEY (run_id, chat_id, what)
) WITHOUT ROWID;

CREATE TABLE admin_languages (
    person_id INTEGER PRIMARY KEY,
    language  TEXT NOT NULL
) WITHOUT ROWID;
