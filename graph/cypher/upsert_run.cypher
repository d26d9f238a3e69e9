MERGE (r:Run {id: $id})
SET r += $values
WITH r
MATCH (t:Task {id: $task_id})
MERGE (r)-[:OF]->(t)
RETURN r.id AS id
