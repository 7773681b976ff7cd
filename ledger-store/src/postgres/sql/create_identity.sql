INSERT INTO ledger (one, ledger, shards, format) VALUES (1, $1, $2, $3) ON CONFLICT (one) DO NOTHING
