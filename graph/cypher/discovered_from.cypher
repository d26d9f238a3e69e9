MATCH (t:Task {id: $id})
MATCH (o:Task {id: $other})
MERGE (t)-[:DISCOVERED_FROM]->(o)
