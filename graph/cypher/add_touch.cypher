MATCH (t:Task {id: $id})
MERGE (f:File {id: $file_id})
ON CREATE SET f.path = $path, f.repository = $repository
MERGE (t)-[r:TOUCHES {key: $id + '>' + $file_id}]->(f)
RETURN r.key AS key
