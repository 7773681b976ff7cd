UPDATE shard_lease SET holder = $2, epoch = epoch + 1 WHERE shard = $1 AND holder = $3 AND epoch = $4
