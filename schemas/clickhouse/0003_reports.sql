-- The reports: views for analysts on top of v_exposures, v_visits, v_plays and v_windows.
-- Totals count distinct visits, never sums of window counts.

CREATE VIEW v_campaign_report
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    creative_id LowCardinality(String) COMMENT 'the creative',
    first_play_at DateTime64(6, 'UTC') COMMENT 'start of the first play',
    last_play_at DateTime64(6, 'UTC') COMMENT 'end of the last play',
    stands UInt64 COMMENT 'stands it was shown on',
    plays UInt64 COMMENT 'plays',
    creative_s Float64 COMMENT 'mean length of a play, s',
    ots UInt64 COMMENT 'opportunities to see: distinct visits present during a play',
    watchers UInt64 COMMENT 'of these, visits that looked at all during its plays',
    viewers_1s UInt64 COMMENT 'of these, visits that looked for at least 1 s in all',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s in all',
    notice_ratio Nullable(Float64) COMMENT 'watchers / ots; NULL = nobody was there',
    attraction_ratio Nullable(Float64) COMMENT 'attention / dwell of the watchers; NULL = nobody looked',
    impressions UInt64 COMMENT 'audience impressions: visit x play with presence of at least 1 s',
    weighted_impressions Float64 COMMENT 'duration-weighted impressions: each counts presence / length of the play, at most 1',
    attention_s Float64 COMMENT 'time spent looking, s',
    mean_attention_s Nullable(Float64) COMMENT 'attention of a watcher, s; NULL = nobody looked',
    mean_dwell_s Nullable(Float64) COMMENT 'dwell of a watcher, s; NULL = nobody looked',
    average_unit_audience Float64 COMMENT 'average unit audience (DPAA): ots x notice ratio x min(1, mean dwell / creative length)',
    attention_per_mille_s Nullable(Float64) COMMENT 'attention seconds per 1000 impressions; NULL = no impressions',
    engaged UInt64 COMMENT 'visits with an exposure that was engaged',
    engagement_mean Nullable(Float64) COMMENT 'mean engagement score of the exposures, 0 to 100; NULL = not measurable',
    valence_reaction Nullable(Float64) COMMENT 'mean valence of the facial expression minus the visit''s own before the play; NULL = not measurable',
    expression_shares Map(String, Float64) COMMENT 'share of looking time by facial expression, sums to 1; empty = not measurable',
    reach UInt64 COMMENT 'distinct recognised members',
    member_frequency Nullable(Float64) COMMENT 'impressions per recognised member; NULL = none'
)
AS WITH
    shown AS
    (
        SELECT campaign_id, creative_id, count() AS plays, uniqExact(stand_id) AS stands, min(started_at) AS first_play_at,
            max(ended_at) AS last_play_at, avg(dateDiff('millisecond', started_at, ended_at)) AS length_ms
        FROM
        (
        SELECT play_id, stand_id, campaign_id, creative_id, started_at, ended_at FROM v_plays
        UNION ALL
        SELECT DISTINCT play_id, stand_id, campaign_id, creative_id, play_start, play_end FROM v_exposures
        WHERE play_id NOT IN (SELECT play_id FROM v_plays)
        )
        GROUP BY campaign_id, creative_id
    ),
    visited AS
    (
        SELECT campaign_id, creative_id, visit_id, sum(dwell_ms) AS dwell, sum(attention_ms) AS attention,
            countIf(impression) AS seen, sumIf(impression_weight, impression) AS weighted,
            max(engaged) AS is_engaged,
            sum(engagement) AS engagement_sum, count(engagement) AS engagement_count,
            sum(valence_reaction) AS reaction_sum, count(valence_reaction) AS reaction_count,
            sumMap(expression_ms) AS expression, max(member_id) AS member
        FROM v_exposures
        GROUP BY campaign_id, creative_id, visit_id
    ),
    counted AS
    (
        SELECT campaign_id, creative_id, count() AS ots, countIf(attention > 0) AS watchers, countIf(attention >= 1000) AS viewers_1s,
            countIf(attention >= 2000) AS viewers_2s, sum(seen) AS impressions, sum(weighted) AS weighted_impressions,
            sum(attention) AS attention_ms, sumIf(dwell, attention > 0) AS dwell_ms, countIf(is_engaged) AS engaged,
            sum(engagement_sum) AS engagement_sum, sum(engagement_count) AS engagement_count,
            sum(reaction_sum) AS reaction_sum, sum(reaction_count) AS reaction_count,
            sumMap(expression) AS expression, uniqExact(member) AS reach, sumIf(seen, member IS NOT NULL) AS member_seen
        FROM visited
        GROUP BY campaign_id, creative_id
    )
SELECT
    campaign_id, creative_id, first_play_at, last_play_at, stands, plays, round(length_ms / 1000, 3) AS creative_s,
    ots, watchers, viewers_1s, viewers_2s,
    if(ots > 0, watchers / ots, NULL) AS notice_ratio,
    if(dwell_ms > 0, attention_ms / dwell_ms, NULL) AS attraction_ratio,
    impressions, weighted_impressions,
    attention_ms / 1000 AS attention_s,
    if(watchers > 0, attention_ms / watchers / 1000, NULL) AS mean_attention_s,
    if(watchers > 0, dwell_ms / watchers / 1000, NULL) AS mean_dwell_s,
    if(watchers > 0 AND length_ms > 0, watchers * least(1, dwell_ms / watchers / length_ms), 0) AS average_unit_audience,
    if(impressions > 0, attention_ms / impressions, NULL) AS attention_per_mille_s,
    engaged,
    if(engagement_count > 0, engagement_sum / engagement_count, NULL) AS engagement_mean,
    if(reaction_count > 0, reaction_sum / reaction_count, NULL) AS valence_reaction,
    mapApply((name, ms) -> (name, ms / arraySum(mapValues(expression))), expression) AS expression_shares,
    reach,
    if(reach > 0, member_seen / reach, NULL) AS member_frequency
FROM shown LEFT JOIN counted USING (campaign_id, creative_id)
COMMENT 'Figures of one creative of one campaign, over distinct visits';

CREATE VIEW v_campaign_totals
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    first_play_at DateTime64(6, 'UTC') COMMENT 'start of the first play',
    last_play_at DateTime64(6, 'UTC') COMMENT 'end of the last play',
    stands UInt64 COMMENT 'stands it was shown on',
    plays UInt64 COMMENT 'plays',
    creative_s Float64 COMMENT 'mean length of a play, s',
    ots UInt64 COMMENT 'opportunities to see: distinct visits present during a play',
    watchers UInt64 COMMENT 'of these, visits that looked at all during its plays',
    viewers_1s UInt64 COMMENT 'of these, visits that looked for at least 1 s in all',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s in all',
    notice_ratio Nullable(Float64) COMMENT 'watchers / ots; NULL = nobody was there',
    attraction_ratio Nullable(Float64) COMMENT 'attention / dwell of the watchers; NULL = nobody looked',
    impressions UInt64 COMMENT 'audience impressions: visit x play with presence of at least 1 s',
    weighted_impressions Float64 COMMENT 'duration-weighted impressions: each counts presence / length of the play, at most 1',
    attention_s Float64 COMMENT 'time spent looking, s',
    mean_attention_s Nullable(Float64) COMMENT 'attention of a watcher, s; NULL = nobody looked',
    mean_dwell_s Nullable(Float64) COMMENT 'dwell of a watcher, s; NULL = nobody looked',
    average_unit_audience Float64 COMMENT 'average unit audience (DPAA): ots x notice ratio x min(1, mean dwell / creative length)',
    attention_per_mille_s Nullable(Float64) COMMENT 'attention seconds per 1000 impressions; NULL = no impressions',
    engaged UInt64 COMMENT 'visits with an exposure that was engaged',
    engagement_mean Nullable(Float64) COMMENT 'mean engagement score of the exposures, 0 to 100; NULL = not measurable',
    valence_reaction Nullable(Float64) COMMENT 'mean valence of the facial expression minus the visit''s own before the play; NULL = not measurable',
    expression_shares Map(String, Float64) COMMENT 'share of looking time by facial expression, sums to 1; empty = not measurable',
    reach UInt64 COMMENT 'distinct recognised members',
    member_frequency Nullable(Float64) COMMENT 'impressions per recognised member; NULL = none'
)
AS WITH
    shown AS
    (
        SELECT campaign_id, count() AS plays, uniqExact(stand_id) AS stands, min(started_at) AS first_play_at,
            max(ended_at) AS last_play_at, avg(dateDiff('millisecond', started_at, ended_at)) AS length_ms
        FROM
        (
        SELECT play_id, stand_id, campaign_id, creative_id, started_at, ended_at FROM v_plays
        UNION ALL
        SELECT DISTINCT play_id, stand_id, campaign_id, creative_id, play_start, play_end FROM v_exposures
        WHERE play_id NOT IN (SELECT play_id FROM v_plays)
        )
        GROUP BY campaign_id
    ),
    visited AS
    (
        SELECT campaign_id, visit_id, sum(dwell_ms) AS dwell, sum(attention_ms) AS attention,
            countIf(impression) AS seen, sumIf(impression_weight, impression) AS weighted,
            max(engaged) AS is_engaged,
            sum(engagement) AS engagement_sum, count(engagement) AS engagement_count,
            sum(valence_reaction) AS reaction_sum, count(valence_reaction) AS reaction_count,
            sumMap(expression_ms) AS expression, max(member_id) AS member
        FROM v_exposures
        GROUP BY campaign_id, visit_id
    ),
    counted AS
    (
        SELECT campaign_id, count() AS ots, countIf(attention > 0) AS watchers, countIf(attention >= 1000) AS viewers_1s,
            countIf(attention >= 2000) AS viewers_2s, sum(seen) AS impressions, sum(weighted) AS weighted_impressions,
            sum(attention) AS attention_ms, sumIf(dwell, attention > 0) AS dwell_ms, countIf(is_engaged) AS engaged,
            sum(engagement_sum) AS engagement_sum, sum(engagement_count) AS engagement_count,
            sum(reaction_sum) AS reaction_sum, sum(reaction_count) AS reaction_count,
            sumMap(expression) AS expression, uniqExact(member) AS reach, sumIf(seen, member IS NOT NULL) AS member_seen
        FROM visited
        GROUP BY campaign_id
    )
SELECT
    campaign_id, first_play_at, last_play_at, stands, plays, round(length_ms / 1000, 3) AS creative_s,
    ots, watchers, viewers_1s, viewers_2s,
    if(ots > 0, watchers / ots, NULL) AS notice_ratio,
    if(dwell_ms > 0, attention_ms / dwell_ms, NULL) AS attraction_ratio,
    impressions, weighted_impressions,
    attention_ms / 1000 AS attention_s,
    if(watchers > 0, attention_ms / watchers / 1000, NULL) AS mean_attention_s,
    if(watchers > 0, dwell_ms / watchers / 1000, NULL) AS mean_dwell_s,
    if(watchers > 0 AND length_ms > 0, watchers * least(1, dwell_ms / watchers / length_ms), 0) AS average_unit_audience,
    if(impressions > 0, attention_ms / impressions, NULL) AS attention_per_mille_s,
    engaged,
    if(engagement_count > 0, engagement_sum / engagement_count, NULL) AS engagement_mean,
    if(reaction_count > 0, reaction_sum / reaction_count, NULL) AS valence_reaction,
    mapApply((name, ms) -> (name, ms / arraySum(mapValues(expression))), expression) AS expression_shares,
    reach,
    if(reach > 0, member_seen / reach, NULL) AS member_frequency
FROM shown LEFT JOIN counted USING (campaign_id)
COMMENT 'Figures of one campaign over all its creatives: distinct visits, so not the sum of its creatives';

CREATE VIEW v_campaign_minutes
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    minute DateTime('UTC') COMMENT 'start of the minute',
    plays UInt64 COMMENT 'plays that began in the minute',
    ots UInt64 COMMENT 'distinct visits present during a play in the minute',
    watchers UInt64 COMMENT 'of these, visits that looked in the minute',
    attention_s Float64 COMMENT 'time spent looking in the minute, s'
)
AS SELECT
    campaign_id, minute,
    uniqExactIf(play_id, visit_id IS NULL) AS plays,
    uniqExact(visit_id) AS ots,
    uniqExactIf(visit_id, attention_ms > 0) AS watchers,
    sum(attention_ms) / 1000 AS attention_s
FROM
(
    SELECT campaign_id, toNullable(visit_id) AS visit_id, play_id, minute, attention_ms
    FROM
    (
        SELECT campaign_id, visit_id, play_id, minute,
            arraySum(k -> if(toStartOfMinute(least(greatest(
                addSeconds(play_start, k - 1), started_at), ended_at)) = minute, attention_by_second_ms[k], 0),
                arrayEnumerate(attention_by_second_ms)) AS attention_ms
        FROM
        (
            SELECT *, toStartOfMinute(started_at) + toIntervalMinute(arrayJoin(range(
                toUInt32(dateDiff('minute', started_at, ended_at)) + 1))) AS minute
            FROM v_exposures
        )
    )
    UNION ALL
    SELECT campaign_id, NULL, play_id, toStartOfMinute(started_at), 0 FROM v_plays
)
GROUP BY campaign_id, minute
COMMENT 'The course of a campaign, minute by minute';

CREATE VIEW v_creative_retention
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    creative_id LowCardinality(String) COMMENT 'the creative',
    second UInt32 COMMENT 'second of the play, from 0',
    attention_s Float64 COMMENT 'time spent looking in this second, over all plays, s',
    viewers UInt64 COMMENT 'exposures that look in this second',
    start_viewers UInt64 COMMENT 'exposures that look in second 0',
    retention Nullable(Float64) COMMENT 'share of the start viewers who look in this second; NULL = there are none'
)
AS SELECT
    campaign_id, creative_id, second,
    sum(attention_by_second_ms[second + 1]) / 1000 AS attention_s,
    countIf(attention_by_second_ms[second + 1] > 0) AS viewers,
    countIf(attention_by_second_ms[1] > 0) AS start_viewers,
    if(start_viewers > 0,
        countIf(attention_by_second_ms[1] > 0 AND attention_by_second_ms[second + 1] > 0) / start_viewers,
        NULL) AS retention
FROM v_exposures
ARRAY JOIN range(toUInt32(ceil(dateDiff('millisecond', play_start, play_end) / 1000))) AS second
GROUP BY campaign_id, creative_id, second
COMMENT 'Retention curve of a creative: who still looks in second k of a play';

CREATE VIEW v_audience
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    age_band String COMMENT 'band of the estimated age; unknown = not estimated',
    gender String COMMENT 'estimated gender; unknown = not estimated',
    ots UInt64 COMMENT 'distinct visits present during a play',
    watchers UInt64 COMMENT 'of these, visits that looked at all',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s in all',
    attention_s Float64 COMMENT 'time spent looking, s',
    engaged UInt64 COMMENT 'visits with an exposure that was engaged'
)
AS SELECT
    campaign_id, age_band, gender, count() AS ots, countIf(attention_ms > 0) AS watchers,
    countIf(attention_ms >= 2000) AS viewers_2s, sum(attention_ms) / 1000 AS attention_s, countIf(is_engaged) AS engaged
FROM
(
    SELECT
        campaign_id, visit_id, argMax(age_years, (version, exposure_id)) AS age,
        multiIf(age IS NULL, 'unknown', age < 13, '0-12', age < 18, '13-17', age < 25, '18-24', age < 35, '25-34',
            age < 45, '35-44', age < 55, '45-54', age < 65, '55-64', '65+') AS age_band,
        ifNull(toString(argMax(gender, (version, exposure_id))), 'unknown') AS gender,
        sum(attention_ms) AS attention_ms,
        max(engaged) AS is_engaged
    FROM v_exposures AS exposures
    GROUP BY campaign_id, visit_id
)
GROUP BY campaign_id, age_band, gender
COMMENT 'The audience of a campaign by age band and gender, over distinct visits';

CREATE VIEW v_dwell_buckets
(
    campaign_id LowCardinality(String) COMMENT 'the campaign',
    bucket UInt8 COMMENT 'number of the bucket, from 1',
    dwell String COMMENT 'dwell of the bucket',
    watchers UInt64 COMMENT 'distinct visits that looked and stayed so long',
    share Nullable(Float64) COMMENT 'share of the watchers; NULL = nobody looked'
)
AS SELECT
    campaign_id, bucket, ['0-5 s', '5-15 s', '15-30 s', '30-60 s', '60+ s'][bucket] AS dwell,
    counts[bucket] AS watchers,
    if(arraySum(counts) > 0, counts[bucket] / arraySum(counts), NULL) AS share
FROM
(
    SELECT
        campaign_id,
        [countIf(looked AND dwell_s < 5), countIf(looked AND dwell_s >= 5 AND dwell_s < 15),
         countIf(looked AND dwell_s >= 15 AND dwell_s < 30), countIf(looked AND dwell_s >= 30 AND dwell_s < 60),
         countIf(looked AND dwell_s >= 60)] AS counts
    FROM
    (
        SELECT campaign_id, visit_id, sum(dwell_ms) / 1000 AS dwell_s, sum(attention_ms) > 0 AS looked
        FROM v_exposures
        GROUP BY campaign_id, visit_id
    )
    GROUP BY campaign_id
)
ARRAY JOIN [1, 2, 3, 4, 5] AS bucket
COMMENT 'How long the watchers of a campaign stayed during its plays';

CREATE VIEW v_stand_report
(
    stand_id LowCardinality(String) COMMENT 'the stand',
    first_visit_at DateTime64(6, 'UTC') COMMENT 'start of the first visit',
    last_visit_at DateTime64(6, 'UTC') COMMENT 'end of the last visit',
    visits UInt64 COMMENT 'distinct visits',
    watchers UInt64 COMMENT 'of these, visits that looked at all',
    viewers_1s UInt64 COMMENT 'of these, visits that looked for at least 1 s',
    viewers_2s UInt64 COMMENT 'of these, visits that looked for at least 2 s',
    notice_ratio Float64 COMMENT 'watchers / visits',
    attraction_ratio Nullable(Float64) COMMENT 'attention / dwell of the watchers; NULL = nobody looked',
    presence_s Float64 COMMENT 'time people spent in front of the camera, s',
    attention_s Float64 COMMENT 'time spent looking, s',
    mean_dwell_s Nullable(Float64) COMMENT 'dwell of a watcher, s; NULL = nobody looked',
    engaged UInt64 COMMENT 'visits that were engaged',
    reach UInt64 COMMENT 'distinct recognised members',
    observed_s Float64 COMMENT 'time in which a camera reported, s',
    mean_occupancy Nullable(Float64) COMMENT 'people present on average while a camera reported; NULL = no time known'
)
AS SELECT
    stand_id, min(started_at) AS first_visit_at, max(ended_at) AS last_visit_at, count() AS visits,
    countIf(attention_ms > 0) AS watchers, countIf(attention_ms >= 1000) AS viewers_1s,
    countIf(attention_ms >= 2000) AS viewers_2s, watchers / visits AS notice_ratio,
    if(sumIf(dwell_ms, attention_ms > 0) > 0, sum(attention_ms) / sumIf(dwell_ms, attention_ms > 0), NULL)
        AS attraction_ratio,
    sum(presence_ms) / 1000 AS presence_s, sum(attention_ms) / 1000 AS attention_s,
    if(watchers > 0, sumIf(dwell_ms, attention_ms > 0) / watchers / 1000, NULL) AS mean_dwell_s,
    countIf(v_visits.engaged) AS engaged, uniqExact(member_id) AS reach,
    any(observed.seconds) AS observed_s, if(observed_s > 0, presence_s / observed_s, NULL) AS mean_occupancy
FROM v_visits
LEFT JOIN (SELECT stand_id, sum(observed_ms) / 1000 AS seconds FROM v_windows GROUP BY stand_id) AS observed
    USING (stand_id)
GROUP BY stand_id
COMMENT 'Figures of one stand over all its visits, whatever was shown';
