-- How far each feed of a query has read: position and hash per shard of the ledger.
CREATE TABLE IF NOT EXISTS cqrs_checkpoint (
    name text NOT NULL,
    shard integer NOT NULL,
    ledger uuid NOT NULL,
    shards integer NOT NULL,
    format integer NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (name, shard)
)
