-- Which process should be sent the commands of a shard. For speed only, as any process may
-- append to any shard.
CREATE TABLE IF NOT EXISTS shard_lease (
    shard integer PRIMARY KEY,
    holder uuid NOT NULL,
    epoch bigint NOT NULL
)
