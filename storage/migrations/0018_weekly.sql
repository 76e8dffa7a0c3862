-- The best of the week: which week a chat had last, and what is posted of it. A post is begun before it is sent, so that none
-- is sent twice; a joke that is forgotten takes its post with it.
ALTER TABLE chats ADD COLUMN week_at REAL;            -- when the last week that was taken up was due, whether or not it had enough

CREATE TABLE weekly_posts (
    chat_id INTEGER NOT NULL,
    place   INTEGER NOT NULL,                         -- 1 is the best liked
    joke_id INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,
    begun   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat_id, place)
) WITHOUT ROWID;
CREATE INDEX weekly_posts_by_joke ON weekly_posts (joke_id);
