DELETE FROM shard_lease WHERE shard = ANY($1) AND holder = $2
