-- How the joke that is shown was chosen among several texts of one model for one photo.
ALTER TABLE jokes ADD COLUMN chosen_by TEXT NOT NULL DEFAULT 'single' CHECK (chosen_by IN ('single', 'random', 'judge'));
ALTER TABLE jokes ADD COLUMN candidates INTEGER NOT NULL DEFAULT 1;   -- texts that could have been shown, with this one
ALTER TABLE jokes ADD COLUMN propensity REAL NOT NULL DEFAULT 1.0;    -- probability that this one of them is shown
ALTER TABLE jokes ADD COLUMN judge_id INTEGER;                        -- the judge that scored them; NULL for a single text
ALTER TABLE jokes ADD COLUMN score REAL;                              -- its P(liked) for this text
ALTER TABLE jokes ADD COLUMN logprob REAL;                            -- mean log-probability of its tokens, NULL if unknown
-- The base's random share of the photos when this one was sent; NULL where the base was not served beside the champion.
ALTER TABLE jokes ADD COLUMN base_share REAL;
CREATE INDEX jokes_by_base_share ON jokes (created_at) WHERE base_share IS NOT NULL;

-- The texts that were not shown. They are no jokes: they have no deliveries and no ratings, and nothing learns from them as liked.
CREATE TABLE joke_candidates (
    id                INTEGER PRIMARY KEY,
    joke_id           INTEGER NOT NULL REFERENCES jokes (id) ON DELETE CASCADE,   -- the joke that was shown instead
    text              TEXT NOT NULL CHECK (length(trim(text)) > 0),
    repeated          INTEGER NOT NULL DEFAULT 0,     -- 1 where the chat had seen its text or shape lately
    score             REAL,
    logprob           REAL,
    completion_tokens INTEGER,
    latency_s         REAL NOT NULL
);
CREATE INDEX joke_candidates_by_joke ON joke_candidates (joke_id);

-- Messages in groups whose votes are not on the buttons yet, and when they are shown at the latest.
CREATE TABLE hidden_votes (
    delivery_id INTEGER PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    show_at     REAL NOT NULL
);
CREATE INDEX hidden_votes_by_time ON hidden_votes (show_at);

-- Which admins have got the weekly line about the present model and the base.
CREATE TABLE progress_news (
    chat_id INTEGER PRIMARY KEY,
    due_at  REAL NOT NULL                           -- the week's line that was sent last
);
