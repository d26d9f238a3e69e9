MERGE (l:Lesson {id: $id})
ON CREATE SET l.times = 0, l.rank = $rank, l.severity = $severity
SET l += $values
WITH l WHERE l.rank > $rank
SET l.rank = $rank, l.severity = $severity
