-- Who is called what, so that admins can tell people apart; and who is banned.

CREATE TABLE known_people (
    person_id INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    username  TEXT COLLATE NOCASE                   -- without its @; NULL where they have none
);
CREATE INDEX known_people_by_username ON known_people (username) WHERE username IS NOT NULL;

-- Every ban there was: the rows are the record of who banned whom. In force is what isn't lifted and not over.
CREATE TABLE bans (
    id        INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,
    reason    TEXT NOT NULL DEFAULT '',             -- for admins alone
    banned_by INTEGER,                              -- the admin; NULL once forgotten
    banned_at REAL NOT NULL,
    until     REAL,                                 -- NULL for good
    lifted_by INTEGER,
    lifted_at REAL,
    told_at   REAL                                  -- when the person was last told
);
CREATE UNIQUE INDEX one_ban ON bans (person_id) WHERE lifted_at IS NULL;

CREATE VIEW banned_people AS SELECT person_id FROM bans
    WHERE lifted_at IS NULL AND (until IS NULL OR until > CAST(strftime('%s', 'now') AS REAL));
