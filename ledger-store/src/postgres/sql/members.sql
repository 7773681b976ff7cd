SELECT m.id, m.address, m.beats FROM member AS m ORDER BY m.id
