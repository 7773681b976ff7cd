-- What a partition's commits are found by.
CREATE INDEX IF NOT EXISTS commits_by_partition ON commits (shard, partition_start, position)
