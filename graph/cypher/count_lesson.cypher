MATCH (l:Lesson {id: $id})
SET l.times = l.times + 1, l.last_seen = datetime($at)
