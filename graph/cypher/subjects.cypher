MATCH (:Feature {id: $feature_id})-[:HAS_TASK]->(t:Task)
RETURN t.id AS id
UNION
MATCH (:Feature {id: $feature_id})-[:HAS_TASK]->(:Task)<-[:OF]-(r:Run)
RETURN r.id AS id
UNION
MATCH (:Feature {id: $feature_id})-[:DELIVERED_BY]->(p:PullRequest)
RETURN p.id AS id
