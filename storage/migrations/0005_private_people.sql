-- People whose photos, jokes and ratings the model never learns from.
CREATE TABLE private_people (
    person_id INTEGER PRIMARY KEY,
    since     REAL NOT NULL
);
