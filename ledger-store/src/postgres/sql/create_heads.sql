INSERT INTO head (shard, position, hash)
SELECT g.shard, 0, g.hash FROM unnest($1::integer[], $2::bytea[]) AS g (shard, hash)
ON CONFLICT (shard) DO NOTHING
