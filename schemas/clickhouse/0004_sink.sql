-- What the sink service keeps besides the facts: messages that were set aside, and which offsets are written.

CREATE TABLE dead_letters
(
    letter_id UUID COMMENT 'the dead letter: derived from topic, partition and offset of the message',
    service LowCardinality(String) COMMENT 'who set it aside: observe, measure or sink',
    cause LowCardinality(String) COMMENT 'why, in one word: truncated, unknown_schema, future, refused ...',
    detail String COMMENT 'why, in a sentence',
    topic LowCardinality(String) COMMENT 'topic the message came by',
    partition Int32 COMMENT 'partition of that topic',
    offset Int64 COMMENT 'place of the message in that partition',
    failed_at DateTime64(6, 'UTC') COMMENT 'when it was set aside',
    key Nullable(String) COMMENT 'key of the message, as its bytes; NULL = none',
    value Nullable(String) COMMENT 'the message, as its bytes; NULL = none',
    _topic LowCardinality(String) COMMENT 'topic the dead letter came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the dead letter in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(failed_at)
ORDER BY letter_id
TTL toDateTime(failed_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Messages that could not be handled, with their bytes';

CREATE VIEW v_dead_letters
(
    letter_id UUID COMMENT 'the dead letter: derived from topic, partition and offset of the message',
    service LowCardinality(String) COMMENT 'who set it aside: observe, measure or sink',
    cause LowCardinality(String) COMMENT 'why, in one word: truncated, unknown_schema, future, refused ...',
    detail String COMMENT 'why, in a sentence',
    topic LowCardinality(String) COMMENT 'topic the message came by',
    partition Int32 COMMENT 'partition of that topic',
    offset Int64 COMMENT 'place of the message in that partition',
    failed_at DateTime64(6, 'UTC') COMMENT 'when it was set aside',
    key Nullable(String) COMMENT 'key of the message, as its bytes; NULL = none',
    value Nullable(String) COMMENT 'the message, as its bytes; NULL = none',
    _topic LowCardinality(String) COMMENT 'topic the dead letter came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the dead letter in that partition',
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    letter_id, service, cause, detail, topic, partition, offset, failed_at, key, value,
    _topic, _partition, _offset, _inserted_at
FROM dead_letters FINAL
COMMENT 'Messages that could not be handled, with their bytes, each once';

CREATE TABLE sink_batches
(
    topic LowCardinality(String) COMMENT 'topic the messages came by',
    incarnation LowCardinality(String) COMMENT 'which topic of that name: the id that the brokers gave it, and the epoch of the sink',
    partition Int32 COMMENT 'partition of that topic',
    lo Int64 COMMENT 'first offset of the batch',
    hi Int64 COMMENT 'offset after its last one',
    messages UInt64 COMMENT 'messages in the batch',
    set_aside UInt64 COMMENT 'of these, set aside as dead letters',
    repeated UInt64 COMMENT 'of these, facts that were there already',
    table_rows Map(LowCardinality(String), UInt64) COMMENT 'rows written, by table',
    healed UInt8 COMMENT '1 = another process began the batch and this one ended it',
    writer String COMMENT 'the process that wrote this row',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, incarnation, partition, lo)
TTL toDateTime(_inserted_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Ledger of the sink: the last row of each batch; below the highest hi of a partition everything is written';

CREATE VIEW v_sink_batches
(
    topic LowCardinality(String) COMMENT 'topic the messages came by',
    incarnation LowCardinality(String) COMMENT 'which topic of that name: the id that the brokers gave it, and the epoch of the sink',
    partition Int32 COMMENT 'partition of that topic',
    lo Int64 COMMENT 'first offset of the batch',
    hi Int64 COMMENT 'offset after its last one',
    messages UInt64 COMMENT 'messages in the batch',
    set_aside UInt64 COMMENT 'of these, set aside as dead letters',
    repeated UInt64 COMMENT 'of these, facts that were there already',
    table_rows Map(LowCardinality(String), UInt64) COMMENT 'rows written, by table',
    healed UInt8 COMMENT '1 = another process began the batch and this one ended it',
    writer String COMMENT 'the process that wrote this row',
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    topic, incarnation, partition, lo, hi, messages, set_aside, repeated, table_rows, healed, writer, _inserted_at
FROM sink_batches FINAL
COMMENT 'Ledger of the sink service: which offsets are written, by batch';

CREATE TABLE dead_letter_replays
(
    letter_id UUID COMMENT 'the dead letter',
    replayed_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'when its message was sent again'
)
ENGINE = ReplacingMergeTree
ORDER BY letter_id
TTL toDateTime(replayed_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Dead letters whose message was sent again to where it came from';
