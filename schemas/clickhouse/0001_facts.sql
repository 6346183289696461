-- The facts, one table each. A fact has a version: a higher one replaces it as a whole.

CREATE TABLE visits
(
    visit_id UUID COMMENT 'the visit',
    stand_id LowCardinality(String) COMMENT 'the stand',
    started_at DateTime64(6, 'UTC') COMMENT 'first sample of the person',
    ended_at DateTime64(6, 'UTC') COMMENT 'last sample of the person',
    presence_ms UInt64 COMMENT 'time in front of the camera, gaps over 1 s taken out, ms',
    dwell_ms UInt64 COMMENT 'presence inside the zone of the stand, ms',
    attention_ms UInt64 COMMENT 'time spent looking at the stand, ms; never more than dwell_ms',
    looks UInt32 COMMENT 'looks of at least 0.2 s',
    longest_look_ms UInt64 COMMENT 'longest look, ms',
    time_to_first_look_ms Nullable(UInt64) COMMENT 'from the first sample to the first look, ms; NULL = never looked',
    engagement Nullable(Float64) COMMENT 'engagement score, 0 to 100; NULL = not measurable',
    engaged UInt8 COMMENT '1 = engaged: score and attention reach the thresholds (50 and 2 s by default)',
    expression LowCardinality(Nullable(String)) COMMENT 'facial expression with the largest share of looking time; NULL = not measurable',
    valence Nullable(Float64) COMMENT 'mean pleasantness of the facial expression, -1 to 1; NULL = not measurable',
    age_years Nullable(Float64) COMMENT 'estimated age, years; NULL = unknown',
    gender LowCardinality(Nullable(String)) COMMENT 'estimated gender, female or male; NULL = unknown',
    member_id LowCardinality(Nullable(String)) COMMENT 'the loyal customer who asked to be recognised; NULL = a stranger',
    retracted UInt8 COMMENT '1 = a later version found that this visit is part of another one',
    version UInt64 COMMENT 'a higher version of the fact replaces a lower one as a whole',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (stand_id, visit_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One presence of one person at one stand';

CREATE TABLE exposures
(
    exposure_id UUID COMMENT 'the exposure',
    visit_id UUID COMMENT 'the visit',
    play_id UUID COMMENT 'the play',
    stand_id LowCardinality(String) COMMENT 'the stand',
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    creative_id LowCardinality(String) COMMENT 'the creative',
    play_start DateTime64(6, 'UTC') COMMENT 'start of the play',
    play_end DateTime64(6, 'UTC') COMMENT 'end of the play',
    started_at DateTime64(6, 'UTC') COMMENT 'first sample of the person inside the play',
    ended_at DateTime64(6, 'UTC') COMMENT 'last sample of the person inside the play',
    presence_ms UInt64 COMMENT 'presence inside the play, ms',
    dwell_ms UInt64 COMMENT 'dwell inside the play, ms',
    attention_ms UInt64 COMMENT 'time spent looking inside the play, ms',
    looks UInt32 COMMENT 'looks inside the play',
    impression UInt8 COMMENT '1 = an audience impression: presence of at least 1 s',
    impression_weight Float64 COMMENT 'duration-weighted impression: presence / length of the play, at most 1',
    engagement Nullable(Float64) COMMENT 'engagement score of this exposure, 0 to 100; NULL = not measurable',
    engaged UInt8 COMMENT '1 = engaged inside the play: score and attention reach the thresholds (50 and 2 s by default)',
    expression_ms Map(LowCardinality(String), UInt64) COMMENT 'looking time by facial expression, ms',
    valence Nullable(Float64) COMMENT 'mean pleasantness of the facial expression, -1 to 1; NULL = not measurable',
    valence_reaction Nullable(Float64) COMMENT 'valence minus what the same visit showed before the play; NULL = not measurable',
    attention_by_second_ms Array(UInt32) COMMENT 'looking time in each second of the play, ms',
    age_years Nullable(Float64) COMMENT 'estimated age, years; NULL = unknown',
    gender LowCardinality(Nullable(String)) COMMENT 'estimated gender, female or male; NULL = unknown',
    member_id LowCardinality(Nullable(String)) COMMENT 'the loyal customer who asked to be recognised; NULL = a stranger',
    version UInt64 COMMENT 'a higher version of the fact replaces a lower one as a whole',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(play_start)
ORDER BY (campaign_id, play_start, exposure_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One visit x one play: the fact behind every campaign figure';

CREATE TABLE plays
(
    play_id UUID COMMENT 'the play',
    stand_id LowCardinality(String) COMMENT 'the stand',
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    creative_id LowCardinality(String) COMMENT 'the creative',
    started_at DateTime64(6, 'UTC') COMMENT 'start of the play',
    ended_at DateTime64(6, 'UTC') COMMENT 'end of the play',
    duration_ms UInt64 COMMENT 'length of the play, ms',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(started_at)
ORDER BY (campaign_id, started_at, play_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Proof of play: one showing of one creative on one stand';

CREATE TABLE decisions
(
    decision_id UUID COMMENT 'the decision',
    stand_id LowCardinality(String) COMMENT 'the stand',
    visit_id Nullable(UUID) COMMENT 'the visit it was made for',
    offer_id LowCardinality(Nullable(String)) COMMENT 'the offer shown',
    campaign_id LowCardinality(Nullable(String)) COMMENT 'the campaign of the offer',
    kind LowCardinality(String) COMMENT 'what was decided',
    decided_at DateTime64(6, 'UTC') COMMENT 'when it was decided',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (stand_id, decided_at, decision_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What the stand decided to offer to a visit (not written yet)';

CREATE TABLE purchases
(
    purchase_id UUID COMMENT 'the purchase',
    stand_id LowCardinality(String) COMMENT 'the stand',
    visit_id Nullable(UUID) COMMENT 'the visit it followed; NULL = unknown',
    member_id LowCardinality(Nullable(String)) COMMENT 'the loyal customer; NULL = unknown',
    purchased_at DateTime64(6, 'UTC') COMMENT 'when it was paid',
    amount Decimal(12, 2) COMMENT 'what was paid',
    currency LowCardinality(String) COMMENT 'ISO 4217 code',
    coupon LowCardinality(Nullable(String)) COMMENT 'coupon redeemed; NULL = none',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(purchased_at)
ORDER BY (stand_id, purchased_at, purchase_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What tills report (not written yet)';

CREATE TABLE windows
(
    window_id UUID COMMENT 'the window',
    stand_id LowCardinality(String) COMMENT 'the stand',
    window_start DateTime64(6, 'UTC') COMMENT 'start of the window',
    window_end DateTime64(6, 'UTC') COMMENT 'end of the window, not part of it',
    observed_ms UInt64 COMMENT 'time inside the window in which a camera reported, ms',
    version UInt64 COMMENT 'a higher version of the fact replaces a lower one as a whole',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (stand_id, window_start, window_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One window of one stand: which version of it holds';

CREATE TABLE campaign_windows
(
    window_id UUID COMMENT 'the window',
    window_start DateTime64(6, 'UTC') COMMENT 'start of the window',
    window_end DateTime64(6, 'UTC') COMMENT 'end of the window, not part of it',
    stand_id LowCardinality(String) COMMENT 'the stand',
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    creative_id LowCardinality(String) COMMENT 'the creative',
    plays UInt64 COMMENT 'plays that overlap the window',
    ots UInt64 COMMENT 'opportunities to see: visits that overlap a play in the window',
    watchers UInt64 COMMENT 'of these, visits that looked at all',
    viewers_1s UInt64 COMMENT 'of these, visits that looked for at least 1 s',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s',
    impressions UInt64 COMMENT 'exposures with presence of at least 1 s',
    attention_ms UInt64 COMMENT 'time spent looking, ms',
    dwell_ms UInt64 COMMENT 'dwell of those who looked, ms',
    engaged UInt64 COMMENT 'visits that were engaged: score and attention reach the thresholds (50 and 2 s by default)',
    engagement_mean Nullable(Float64) COMMENT 'mean engagement score, 0 to 100; NULL = not measurable',
    offers Nullable(UInt64) COMMENT 'offers shown; NULL = not measured yet',
    redemptions Nullable(UInt64) COMMENT 'offers redeemed; NULL = not measured yet',
    revenue Nullable(Decimal(12, 2)) COMMENT 'revenue of redeemed offers; NULL = not measured yet',
    version UInt64 COMMENT 'a higher version of the fact replaces a lower one as a whole',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (campaign_id, window_start, stand_id, creative_id, window_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Figures of one creative on one stand in one window';

CREATE TABLE audience_windows
(
    window_id UUID COMMENT 'the window',
    window_start DateTime64(6, 'UTC') COMMENT 'start of the window',
    window_end DateTime64(6, 'UTC') COMMENT 'end of the window, not part of it',
    stand_id LowCardinality(String) COMMENT 'the stand',
    age_band LowCardinality(String) COMMENT 'band of the estimated age; unknown = not estimated',
    gender LowCardinality(String) COMMENT 'estimated gender; unknown = not estimated',
    ots UInt64 COMMENT 'opportunities to see: visits that overlap the window',
    watchers UInt64 COMMENT 'of these, visits that looked at all',
    viewers_1s UInt64 COMMENT 'of these, visits that looked for at least 1 s',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s',
    attention_ms UInt64 COMMENT 'time spent looking, ms',
    dwell_ms UInt64 COMMENT 'dwell of those who looked, ms',
    presence_ms UInt64 COMMENT 'time in front of the camera, ms',
    engaged UInt64 COMMENT 'visits that were engaged: score and attention reach the thresholds (50 and 2 s by default)',
    version UInt64 COMMENT 'a higher version of the fact replaces a lower one as a whole',
    model_version LowCardinality(String) COMMENT 'version of the models that made the row; empty where no model had a part',
    metric_version LowCardinality(String) COMMENT 'version of the formulas in docs/metrics.md and of the thresholds: see v_metric_versions',
    _topic LowCardinality(String) COMMENT 'topic the fact came by',
    _partition Int32 COMMENT 'partition of that topic',
    _offset Int64 COMMENT 'place of the event in that partition',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (stand_id, window_start, age_band, gender, window_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Figures of one audience segment at one stand in one window, whatever was shown';

CREATE TABLE metric_versions
(
    metric_version LowCardinality(String) COMMENT 'what the figures carry: 1 = the defaults, 1+digest = other thresholds',
    thresholds String COMMENT 'all thresholds of MEASURE with those of the stand, as JSON',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree
ORDER BY metric_version
COMMENT 'The thresholds behind each version of the figures';
