-- What keys, tombstones and streams are found by: a digest, and a commit that has it.
CREATE TABLE IF NOT EXISTS index_entry (
    shard integer NOT NULL,
    digest uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (shard, digest, position)
)
