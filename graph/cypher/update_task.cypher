MATCH (t:Task {id: $id})
SET t += $values
RETURN t.id AS id
