MATCH (t:Task {id: $id})-[:DEPENDS_ON]->(d:Task)
WHERE NOT d.status IN $met
RETURN d.id AS id
