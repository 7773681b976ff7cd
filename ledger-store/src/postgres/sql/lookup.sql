-- Where digests stand in the log. Each is asked for by itself (`OFFSET 0` keeps it so): a join that was planned
-- while the table was small would go on reading all of it when it is large.
SELECT q.shard, q.digest, e.position
FROM unnest($1::integer[], $2::uuid[]) AS q (shard, digest)
CROSS JOIN LATERAL (
    SELECT i.position FROM index_entry AS i
    WHERE i.shard = q.shard AND i.digest = q.digest
    OFFSET 0
) AS e
