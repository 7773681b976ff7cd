SELECT l.ledger, l.shards, l.format FROM ledger AS l WHERE l.one = 1
