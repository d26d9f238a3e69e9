MATCH (t:Task)
WHERE t.id IN $ids
SET t.lock = $lock
WITH t
MATCH (t)-[:DEPENDS_ON]->(d:Task)
RETURN t.id AS id, d.id AS other
