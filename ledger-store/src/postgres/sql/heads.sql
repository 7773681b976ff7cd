SELECT h.shard, h.position, h.hash FROM head AS h ORDER BY h.shard
