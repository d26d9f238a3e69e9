MATCH (f:Feature {id: $feature_id})
MERGE (p:Artifact {id: $id})
SET p += $values
MERGE (f)-[e:PRODUCED {key: $feature_id + '>' + $id}]->(p)
RETURN p.id AS id
