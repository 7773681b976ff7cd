SELECT h.position FROM head AS h WHERE h.shard = $1
