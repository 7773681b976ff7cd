SELECT l.holder, l.beats FROM lease AS l WHERE l.name = $1
