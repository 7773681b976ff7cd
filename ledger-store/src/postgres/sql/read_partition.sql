-- Up to $5 commits of a partition after $4, until their bodies have $6 bytes.
SELECT p.position, p.previous, p.hash, p.body
FROM (
    SELECT l.position, l.previous, l.hash, l.body,
        sum(octet_length(l.body)) OVER (ORDER BY l.position) - octet_length(l.body) AS bytes_before
    FROM (
        SELECT c.position, c.previous, c.hash, c.body
        FROM commits AS c
        WHERE c.shard = $1 AND c.partition_start = $2 AND c.partition_rest = $3 AND c.position > $4
        ORDER BY c.position
        LIMIT $5
    ) AS l
) AS p
WHERE p.bytes_before < $6
ORDER BY p.position
