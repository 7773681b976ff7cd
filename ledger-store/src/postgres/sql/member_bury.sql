DELETE FROM member WHERE id = $1 AND beats = $2
