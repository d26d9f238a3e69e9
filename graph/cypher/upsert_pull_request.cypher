MATCH (f:Feature {id: $feature_id})
MERGE (p:PullRequest {id: $id})
SET p += $values
MERGE (f)-[e:DELIVERED_BY {key: $feature_id + '>' + $id}]->(p)
RETURN p.id AS id
