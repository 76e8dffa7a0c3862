-- What admins said of jokes that are about to be learnt: kept, or dropped and never learnt from.

CREATE TABLE reviews (
    joke_id    INTEGER PRIMARY KEY REFERENCES jokes (id) ON DELETE CASCADE,
    kept       INTEGER NOT NULL CHECK (kept IN (0, 1)),
    asked_by   INTEGER,                             -- the admin; NULL once forgotten
    decided_at REAL NOT NULL
);

-- What a run would learn that is new, best first, as of the last /review.
CREATE TABLE review_queue (
    place   INTEGER PRIMARY KEY,
    joke_id INTEGER NOT NULL UNIQUE REFERENCES jokes (id) ON DELETE CASCADE
);
