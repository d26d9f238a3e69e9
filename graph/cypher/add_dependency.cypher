MATCH (t:Task {id: $id})
MATCH (d:Task {id: $other})
MERGE (t)-[r:DEPENDS_ON {key: $id + '>' + $other}]->(d)
RETURN r.key AS key
