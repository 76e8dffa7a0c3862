-- Why a run ended, as a code with what is filled in (JSON; empty where there is only the sentence), for other languages.
ALTER TABLE runs ADD COLUMN cause TEXT NOT NULL DEFAULT '';
