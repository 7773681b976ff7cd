-- Commits of a shard from $2 to $3, until their bodies have $4 bytes.
SELECT p.position, p.previous, p.hash, p.body
FROM (
    SELECT c.position, c.previous, c.hash, c.body,
        sum(octet_length(c.body)) OVER (ORDER BY c.position) - octet_length(c.body) AS bytes_before
    FROM commits AS c
    WHERE c.shard = $1 AND c.position BETWEEN $2 AND $3
) AS p
WHERE p.bytes_before < $4
ORDER BY p.position
