-- Figures recomputed from recordings: side tables of the same facts, which of them is shown where, and the views
-- that show either the facts measured live or those of one reprocessing. The ledger's one row is the switch.

CREATE TABLE reprocessings
(
    generation UInt64 COMMENT 'the reprocessing: when it began, us UTC; 0 stands for what was measured live',
    name String COMMENT 'its name',
    state LowCardinality(String) COMMENT 'writing = not complete, ready = complete, shown = the views show it',
    recording String COMMENT 'the recording that it was made from',
    stand_ids Array(String) COMMENT 'stands whose figures it replaces',
    from_at DateTime64(6, 'UTC') COMMENT 'visits and windows that begin from here on are replaced',
    until_at DateTime64(6, 'UTC') COMMENT 'and before this',
    thresholds Map(String, String) COMMENT 'metric versions of its figures with their thresholds as JSON',
    version UInt64 COMMENT 'a higher version replaces a lower one: when the state was reached, us UTC',
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC') COMMENT 'when this row was written here'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY generation
ORDER BY generation
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Reprocessings: the last row of each says whether the views show it';

CREATE TABLE reprocessed_visits
(
    generation UInt64 COMMENT 'the reprocessing that made the row: see v_reprocessings',
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
PARTITION BY generation
ORDER BY (stand_id, visit_id, generation)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One presence of one person at one stand, recomputed';

CREATE TABLE reprocessed_exposures
(
    generation UInt64 COMMENT 'the reprocessing that made the row: see v_reprocessings',
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
PARTITION BY generation
ORDER BY (campaign_id, play_start, exposure_id, generation)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One visit x one play: the fact behind every campaign figure, recomputed';

CREATE TABLE reprocessed_windows
(
    generation UInt64 COMMENT 'the reprocessing that made the row: see v_reprocessings',
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
PARTITION BY generation
ORDER BY (stand_id, window_start, window_id, generation)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One window of one stand: which version of it holds, recomputed';

CREATE TABLE reprocessed_campaign_windows
(
    generation UInt64 COMMENT 'the reprocessing that made the row: see v_reprocessings',
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
PARTITION BY generation
ORDER BY (campaign_id, window_start, stand_id, creative_id, window_id, generation)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Figures of one creative on one stand in one window, recomputed';

CREATE TABLE reprocessed_audience_windows
(
    generation UInt64 COMMENT 'the reprocessing that made the row: see v_reprocessings',
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
PARTITION BY generation
ORDER BY (stand_id, window_start, age_band, gender, window_id, generation)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Figures of one audience segment at one stand in one window, whatever was shown, recomputed';

CREATE VIEW reprocess_layers
(
    layers Tuple(Array(String), Array(Array(Tuple(UInt64, DateTime64(6, 'UTC'), DateTime64(6, 'UTC'))))) COMMENT 'stands, and for each the generation, begin and end of what is shown there: the last that holds a fact wins; the first stand has no name and nothing'
)
AS SELECT (arrayPushFront(groupArray(stand_id), ''), arrayPushFront(groupArray(shown), [])) AS layers
FROM
(
    SELECT stand_id, arrayMap(each -> (each.2, each.3, each.4), arraySort(groupArray((version, generation, from_at, until_at)))) AS shown
    FROM (SELECT version, generation, from_at, until_at, stand_ids FROM reprocessings FINAL WHERE state = 'shown')
    ARRAY JOIN stand_ids AS stand_id
    GROUP BY stand_id
)
COMMENT 'What the views ask to tell which facts they show: one row, and the same answer throughout a question';

CREATE VIEW v_reprocessings
(
    generation UInt64 COMMENT 'the reprocessing: when it began, us UTC; 0 stands for what was measured live',
    name String COMMENT 'its name',
    state LowCardinality(String) COMMENT 'writing = not complete, ready = complete, shown = the views show it',
    recording String COMMENT 'the recording that it was made from',
    stand_ids Array(String) COMMENT 'stands whose figures it replaces',
    from_at DateTime64(6, 'UTC') COMMENT 'visits and windows that begin from here on are replaced',
    until_at DateTime64(6, 'UTC') COMMENT 'and before this',
    thresholds Map(String, String) COMMENT 'metric versions of its figures with their thresholds as JSON',
    version UInt64 COMMENT 'a higher version replaces a lower one: when the state was reached, us UTC',
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    generation, name, state, recording, stand_ids, from_at, until_at, thresholds, version, _inserted_at
FROM reprocessings FINAL
COMMENT 'Figures recomputed from recordings, and whether the views show them';

CREATE OR REPLACE VIEW v_visits
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
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    visit_id, stand_id, started_at, ended_at, presence_ms, dwell_ms, attention_ms, looks,
    longest_look_ms, time_to_first_look_ms, engagement, engaged, expression, valence, age_years, gender, member_id,
    retracted, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM visits FINAL
WHERE NOT retracted AND 0 = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
    arrayLast(layer -> layer.2 <= started_at AND started_at < layer.3,
        (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
            arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
UNION ALL
SELECT
    visit_id, stand_id, started_at, ended_at, presence_ms, dwell_ms, attention_ms, looks,
    longest_look_ms, time_to_first_look_ms, engagement, engaged, expression, valence, age_years, gender, member_id,
    retracted, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM reprocessed_visits FINAL
WHERE NOT retracted AND generation = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
    arrayLast(layer -> layer.2 <= started_at AND started_at < layer.3,
        (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
            arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
COMMENT 'One presence of one person at one stand, each once in its last version';

CREATE OR REPLACE VIEW v_exposures
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
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    exposure_id, visit_id, play_id, stand_id, campaign_id, creative_id, play_start, play_end,
    started_at, ended_at, presence_ms, dwell_ms, attention_ms, looks, impression, impression_weight,
    engagement, engaged, expression_ms, valence, valence_reaction, attention_by_second_ms, age_years, gender,
    member_id, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM exposures FINAL
WHERE (visit_id, version) IN
(
    SELECT visit_id, version FROM visits FINAL
    WHERE NOT retracted AND 0 = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= started_at AND started_at < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
UNION ALL
SELECT
    exposure_id, visit_id, play_id, stand_id, campaign_id, creative_id, play_start, play_end,
    started_at, ended_at, presence_ms, dwell_ms, attention_ms, looks, impression, impression_weight,
    engagement, engaged, expression_ms, valence, valence_reaction, attention_by_second_ms, age_years, gender,
    member_id, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM reprocessed_exposures FINAL
WHERE (generation, visit_id, version) IN
(
    SELECT generation, visit_id, version FROM reprocessed_visits FINAL
    WHERE NOT retracted AND generation = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= started_at AND started_at < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
COMMENT 'One visit x one play: the fact behind every campaign figure, each once in its last version';

CREATE OR REPLACE VIEW v_windows
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
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    window_id, stand_id, window_start, window_end, observed_ms, version, model_version, metric_version,
    _topic, _partition, _offset, _inserted_at
FROM windows FINAL
WHERE 0 = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
    arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
        (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
            arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
UNION ALL
SELECT
    window_id, stand_id, window_start, window_end, observed_ms, version, model_version, metric_version,
    _topic, _partition, _offset, _inserted_at
FROM reprocessed_windows FINAL
WHERE generation = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
    arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
        (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
            arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
COMMENT 'One window of one stand: which version of it holds, each once in its last version';

CREATE OR REPLACE VIEW v_campaign_windows
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
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    window_id, window_start, window_end, stand_id, campaign_id, creative_id, plays, ots, watchers,
    viewers_1s, viewers_2s, impressions, attention_ms, dwell_ms, engaged, engagement_mean, offers,
    redemptions, revenue, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM campaign_windows FINAL
WHERE (window_id, version) IN
(
    SELECT window_id, version FROM windows FINAL
    WHERE 0 = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
UNION ALL
SELECT
    window_id, window_start, window_end, stand_id, campaign_id, creative_id, plays, ots, watchers,
    viewers_1s, viewers_2s, impressions, attention_ms, dwell_ms, engaged, engagement_mean, offers,
    redemptions, revenue, version, model_version, metric_version, _topic, _partition, _offset, _inserted_at
FROM reprocessed_campaign_windows FINAL
WHERE (generation, window_id, version) IN
(
    SELECT generation, window_id, version FROM reprocessed_windows FINAL
    WHERE generation = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
COMMENT 'Figures of one creative on one stand in one window, each once in its last version';

CREATE OR REPLACE VIEW v_audience_windows
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
    _inserted_at DateTime64(6, 'UTC') COMMENT 'when this row was written here'
)
AS SELECT
    window_id, window_start, window_end, stand_id, age_band, gender, ots, watchers, viewers_1s,
    viewers_2s, attention_ms, dwell_ms, presence_ms, engaged, version, model_version, metric_version,
    _topic, _partition, _offset, _inserted_at
FROM audience_windows FINAL
WHERE (window_id, version) IN
(
    SELECT window_id, version FROM windows FINAL
    WHERE 0 = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
UNION ALL
SELECT
    window_id, window_start, window_end, stand_id, age_band, gender, ots, watchers, viewers_1s,
    viewers_2s, attention_ms, dwell_ms, presence_ms, engaged, version, model_version, metric_version,
    _topic, _partition, _offset, _inserted_at
FROM reprocessed_audience_windows FINAL
WHERE (generation, window_id, version) IN
(
    SELECT generation, window_id, version FROM reprocessed_windows FINAL
    WHERE generation = if(length((SELECT layers FROM reprocess_layers).1) = 1, 0,
        arrayLast(layer -> layer.2 <= window_start AND window_start < layer.3,
            (SELECT layers FROM reprocess_layers).2[transform(stand_id, (SELECT layers FROM reprocess_layers).1,
                arrayEnumerate((SELECT layers FROM reprocess_layers).1), 1)]).1)
)
COMMENT 'Figures of one audience segment at one stand in one window, whatever was shown, each once in its last version';
