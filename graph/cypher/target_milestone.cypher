MATCH (f:Feature {id: $id})
MERGE (m:Milestone {id: $milestone_id})
ON CREATE SET m.name = $name
MERGE (f)-[:TARGETS]->(m)
