UPDATE lease SET holder = $2, beats = 1 WHERE name = $1 AND holder = $3 AND beats = $4
