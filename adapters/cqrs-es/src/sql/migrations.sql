SELECT m.number, m.checksum FROM cqrs_migration AS m ORDER BY m.number
