SELECT e.shard, e.digest, e.position
FROM unnest($1::integer[], $2::uuid[]) AS q (shard, digest)
JOIN index_entry AS e ON e.shard = q.shard AND e.digest = q.digest
