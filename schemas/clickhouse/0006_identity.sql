-- Who this database is: one row, written once under one token, and carried along by every copy of the data.

CREATE TABLE database_identity
(
    id UUID COMMENT 'the database: drawn when its tables were made; sinks write it into what their group commits',
    made_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'when it was drawn'
)
ENGINE = ReplacingMergeTree
ORDER BY (made_at, id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Identity of this database: the oldest row holds'
