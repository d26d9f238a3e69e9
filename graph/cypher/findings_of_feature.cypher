MATCH (:Feature {id: $feature_id})-[:HAS_TASK]->(:Task)<-[:OF]-(r:Run)-[:PRODUCED]->(:Review)-[:FOUND]->(f:Finding)
RETURN r.id AS run_id, f {.*} AS finding
