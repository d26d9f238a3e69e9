MATCH (:Feature {id: $feature_id})-[:HAS_TASK]->(:Task)<-[:OF]-(r:Run)-[:PRODUCED]->(p)
RETURN r.id AS run_id, labels(p)[0] AS kind, p {.*} AS left
ORDER BY p.id
