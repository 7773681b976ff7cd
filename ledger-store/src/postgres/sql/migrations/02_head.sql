-- The end of each shard: the one row that an append compares and swaps. Times are microseconds since 1970 in
-- UTC, the newest of any commit of the shard.
CREATE TABLE IF NOT EXISTS head (
    shard integer PRIMARY KEY,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    recorded_at bigint
)
