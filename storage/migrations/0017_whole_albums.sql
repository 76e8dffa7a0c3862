-- Albums that are answered with one joke: the update that owes the answer, the message with the joke, and the photos, each with a button.
CREATE TABLE albums (
    id             INTEGER PRIMARY KEY,
    chat_id        INTEGER NOT NULL,
    media_group_id TEXT NOT NULL,
    person_id      INTEGER NOT NULL,
    update_id      INTEGER NOT NULL,
    message_id     INTEGER,                         -- NULL until the joke is shown
    created_at     REAL NOT NULL,
    UNIQUE (chat_id, media_group_id)
);
CREATE INDEX albums_by_message ON albums (chat_id, message_id);
CREATE INDEX albums_by_person ON albums (person_id);

CREATE TABLE album_photos (
    id         INTEGER PRIMARY KEY,                 -- what the photo's button sends
    album_id   INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
    message_id INTEGER NOT NULL,                    -- the photo's own message; they are numbered in its order
    photo_id   INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    caption    TEXT,
    UNIQUE (album_id, message_id)
);
CREATE INDEX album_photos_by_photo ON album_photos (photo_id);

CREATE TRIGGER album_is_empty AFTER DELETE ON album_photos
WHEN NOT EXISTS (SELECT 1 FROM album_photos WHERE album_id = OLD.album_id)
BEGIN
    DELETE FROM albums WHERE id = OLD.album_id;
END;
