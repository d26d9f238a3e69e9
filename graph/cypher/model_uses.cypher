UNWIND $uses AS row
MATCH (t:Turn {id: row.turn})
MERGE (u:ModelUse {id: row.id})
SET u += row.fields
MERGE (t)-[:USED {key: row.turn + '>' + row.id}]->(u)
