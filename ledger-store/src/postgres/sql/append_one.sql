-- As append_many.sql, to one shard: every table is asked for that shard alone.
WITH found AS (
    SELECT h.position, h.hash FROM head AS h WHERE h.shard = $1 FOR UPDATE
),
moved AS (
    UPDATE head AS h
    SET position = $4, hash = $5, recorded_at = greatest(h.recorded_at, $6)
    FROM found AS f
    WHERE h.shard = $1
        AND h.position = $2 AND h.hash = $3 AND f.position = $2 AND f.hash = $3
    RETURNING h.shard
),
kept AS (
    INSERT INTO commits (shard, position, partition_start, partition_rest, previous, hash, body)
    SELECT $1, c.position, c.partition_start, c.partition_rest, c.previous, c.hash, c.body
    FROM unnest($7::bigint[], $8::uuid[], $9::uuid[], $10::bytea[], $11::bytea[], $12::bytea[])
        AS c (position, partition_start, partition_rest, previous, hash, body)
    WHERE EXISTS (SELECT 1 FROM moved)
),
indexed AS (
    INSERT INTO index_entry (shard, digest, position)
    SELECT $1, e.digest, e.position
    FROM unnest($13::uuid[], $14::bigint[]) AS e (digest, position)
    WHERE EXISTS (SELECT 1 FROM moved)
)
SELECT f.position, f.hash, EXISTS (SELECT 1 FROM moved) AS landed FROM found AS f
