UPDATE lease SET beats = beats + 1 WHERE name = $1 AND holder = $2
