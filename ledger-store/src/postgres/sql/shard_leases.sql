SELECT l.shard, l.holder, l.epoch FROM shard_lease AS l ORDER BY l.shard
