MATCH (t:Task)-[:DEPENDS_ON]->(d:Task)
WHERE t.id IN $ids
RETURN t.id AS id, d.id AS other
