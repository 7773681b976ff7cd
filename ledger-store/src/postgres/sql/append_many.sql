-- Appends to many shards in one statement: on each whose head is still the expected one everything lands, on
-- the others nothing. The heads are locked in the order of their shards, so that two appends cannot wait for
-- each other. Answers each shard's head as it was found, and whether the append landed on it.
WITH wanted AS (
    SELECT w.shard, w.expected_position, w.expected_hash, w.position, w.hash, w.recorded_at
    FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bigint[])
        AS w (shard, expected_position, expected_hash, position, hash, recorded_at)
),
found AS (
    SELECT h.shard, h.position, h.hash FROM head AS h
    WHERE h.shard = ANY ($1::integer[])
    ORDER BY h.shard
    FOR UPDATE
),
moved AS (
    UPDATE head AS h
    SET position = w.position, hash = w.hash, recorded_at = greatest(h.recorded_at, w.recorded_at)
    FROM wanted AS w JOIN found AS f ON f.shard = w.shard
    WHERE h.shard = w.shard
        AND h.position = w.expected_position AND h.hash = w.expected_hash
        AND f.position = w.expected_position AND f.hash = w.expected_hash
    RETURNING h.shard
),
kept AS (
    INSERT INTO commits (shard, position, partition_start, partition_rest, previous, hash, body)
    SELECT c.shard, c.position, c.partition_start, c.partition_rest, c.previous, c.hash, c.body
    FROM unnest($7::integer[], $8::bigint[], $9::uuid[], $10::uuid[], $11::bytea[], $12::bytea[], $13::bytea[])
        AS c (shard, position, partition_start, partition_rest, previous, hash, body)
    JOIN moved AS m ON m.shard = c.shard
),
indexed AS (
    INSERT INTO index_entry (shard, digest, position)
    SELECT e.shard, e.digest, e.position
    FROM unnest($14::integer[], $15::uuid[], $16::bigint[]) AS e (shard, digest, position)
    JOIN moved AS m ON m.shard = e.shard
)
SELECT f.shard, f.position, f.hash, m.shard IS NOT NULL AS landed
FROM found AS f LEFT JOIN moved AS m ON m.shard = f.shard
