-- A head that is kept never goes back, and none of another ledger takes its place: then a row less is written than
-- there are shards.
INSERT INTO cqrs_checkpoint AS c (name, shard, ledger, shards, format, position, hash)
SELECT $1, n.shard, $2, $3, $4, n.position, n.hash
FROM unnest($5::integer[], $6::bigint[], $7::bytea[]) AS n (shard, position, hash)
ORDER BY n.shard
ON CONFLICT (name, shard) DO UPDATE
SET position = excluded.position, hash = excluded.hash
WHERE c.ledger = excluded.ledger AND c.shards = excluded.shards AND c.format = excluded.format
    AND (c.position < excluded.position OR (c.position = excluded.position AND c.hash = excluded.hash))
