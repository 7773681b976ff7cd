SELECT s.position, s.hash, s.fold, s.bytes FROM snapshot AS s
WHERE s.shard = $1 AND s.partition_start = $2 AND s.partition_rest = $3
