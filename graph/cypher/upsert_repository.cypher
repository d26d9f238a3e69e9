MERGE (r:Repository {id: $id})
ON CREATE SET r.name = $id
RETURN r.id AS id
