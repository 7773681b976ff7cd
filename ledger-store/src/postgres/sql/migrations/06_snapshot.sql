-- The newest kept state of each partition. Any row may be deleted at any time.
CREATE TABLE IF NOT EXISTS snapshot (
    shard integer NOT NULL,
    partition_start uuid NOT NULL,
    partition_rest uuid NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    fold bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (shard, partition_start, partition_rest)
)
