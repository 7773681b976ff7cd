-- The log. The digest of the partition stands in two halves, because only the first is worth an index.
CREATE TABLE IF NOT EXISTS commits (
    shard integer NOT NULL,
    position bigint NOT NULL,
    partition_start uuid NOT NULL,
    partition_rest uuid NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (shard, position)
)
