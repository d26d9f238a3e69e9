MATCH (r:Run {id: $run_id})
MERGE (p:Artifact {id: $id})
SET p += $values
MERGE (r)-[e:PRODUCED {key: $run_id + '>' + $id}]->(p)
RETURN p.id AS id
