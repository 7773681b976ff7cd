SELECT m.number, m.checksum FROM migration AS m ORDER BY m.number
