-- The language that a person has chosen; without a row it is their app's.
CREATE TABLE chosen_languages (
    person_id INTEGER PRIMARY KEY,
    language  TEXT NOT NULL
) WITHOUT ROWID;
