INSERT INTO shard_lease (shard, holder, epoch)
SELECT n.shard, $2, 1 FROM unnest($1::integer[]) AS n (shard)
ON CONFLICT (shard) DO NOTHING
