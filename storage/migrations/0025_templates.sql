-- A model's chat template (configs/chat_templates.toml) and what its files are recognised by (storage/checkpoint).
-- All models that a run made before this were trained with a newline after each turn. The bases' are read from their
-- files at the next start.

ALTER TABLE models ADD COLUMN template TEXT;
ALTER TABLE models ADD COLUMN content TEXT;

UPDATE models SET template = 'internlm2-chat-newline' WHERE base_id IS NOT NULL;
