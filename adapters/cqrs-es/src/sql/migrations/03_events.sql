-- The events of all players in the columns that postgres-es reads. A player's commits are found from his first, which
-- opens him. The sequence is the position of the commit times 256, plus the place of the event in it, from 0. A commit's
-- keys say how many of its events are each one's own; one that does not say it has the rest.
CREATE OR REPLACE VIEW events AS
SELECT
    'PlayerLedger'::text AS aggregate_type,
    p.aggregate_id AS aggregate_id,
    (c.position * 256 + e.place - 1)::bigint AS sequence,
    e.value ->> 'type' AS event_type,
    e.value ->> 'schema' AS event_version,
    json_build_object('recorded_at', b.body -> 'recorded_at', 'operation', o.value, 'event', e.value) AS payload,
    json_strip_nulls(json_build_object(
        'shard', c.shard::text,
        'position', c.position::text,
        'hash', encode(c.hash, 'hex'),
        'recorded_at', b.body ->> 'recorded_at',
        'actor', b.body ->> 'actor',
        'policy', b.body ->> 'policy',
        'engine', b.body ->> 'engine',
        'trace', b.body ->> 'trace',
        'causation', b.body ->> 'causation',
        'operator', b.body ->> 'operator',
        'brand', b.body ->> 'brand',
        'jurisdiction', b.body ->> 'jurisdiction',
        'writer', b.body ->> 'writer'
    )) AS metadata
FROM (
    SELECT
        f.shard,
        f.partition_start,
        f.partition_rest,
        cqrs_player_id(f.body) AS aggregate_id
    FROM commits AS f
    WHERE position('"type":"player.opened"'::bytea IN f.body) > 0
        AND convert_from(f.body, 'UTF8')::json #>> '{events,0,type}' = 'player.opened'
) AS p
JOIN commits AS c
    ON c.shard = p.shard AND c.partition_start = p.partition_start AND c.partition_rest = p.partition_rest
CROSS JOIN LATERAL (SELECT convert_from(c.body, 'UTF8')::json AS body) AS b
CROSS JOIN LATERAL json_array_elements(b.body -> 'events') WITH ORDINALITY AS e (value, place)
LEFT JOIN LATERAL (
    SELECT k.value
    FROM (
        SELECT
            a.value,
            a.place,
            sum(coalesce((a.value ->> 'events')::bigint, 256)) OVER (ORDER BY a.place) AS up_to
        FROM json_array_elements(b.body -> 'keys') WITH ORDINALITY AS a (value, place)
    ) AS k
    WHERE k.up_to >= e.place
    ORDER BY k.place
    LIMIT 1
) AS o ON TRUE
