INSERT INTO snapshot (shard, partition_start, partition_rest, position, hash, fold, bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (shard, partition_start, partition_rest) DO UPDATE
SET position = excluded.position, hash = excluded.hash, fold = excluded.fold, bytes = excluded.bytes
WHERE snapshot.position <= excluded.position
