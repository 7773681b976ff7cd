SELECT c.hash FROM commits AS c WHERE c.shard = $1 AND c.position = $2
