SELECT c.ledger, c.shards, c.format, c.position, c.hash FROM cqrs_checkpoint AS c WHERE c.name = $1 ORDER BY c.shard
