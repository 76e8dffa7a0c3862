-- Jokes that users have flagged with 🚩. A flagged joke is hidden and not learnt from, unless an admin has restored it.
CREATE TABLE flagged_jokes (
    joke_id    INTEGER PRIMARY KEY REFERENCES jokes (id) ON DELETE CASCADE,
    flagged_at REAL NOT NULL,
    decision   TEXT CHECK (decision IN ('hidden', 'restored')),     -- an admin's; NULL: no admin has decided
    asked_by   INTEGER,                             -- the admin; NULL once forgotten
    decided_at REAL
);

-- Who flagged which joke. A withdrawn flag counts towards the limit of its day.
CREATE TABLE flags (
    joke_id    INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,
    person_id  INTEGER NOT NULL,
    flagged_at REAL NOT NULL,
    withdrawn  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (joke_id, person_id)
) WITHOUT ROWID;
CREATE INDEX flags_by_person ON flags (person_id, flagged_at);

CREATE VIEW hidden_jokes AS SELECT joke_id FROM flagged_jokes WHERE decision IS NOT 'restored';

-- Whether a chat's jokes are asked to spare faces, bodies and children; NULL: as the setting safety.gentle says.
ALTER TABLE chats ADD COLUMN gentle INTEGER CHECK (gentle IN (0, 1));
