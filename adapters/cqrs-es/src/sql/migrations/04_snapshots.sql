-- No snapshots: readers that ask for one are told that there is none.
CREATE OR REPLACE VIEW snapshots AS
SELECT
    'PlayerLedger'::text AS aggregate_type,
    ''::text AS aggregate_id,
    0::bigint AS last_sequence,
    0::bigint AS current_snapshot,
    'null'::json AS payload
WHERE FALSE
