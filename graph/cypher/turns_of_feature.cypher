UNWIND $turns AS row
MATCH (n:Feature {id: row.subject})
MERGE (t:Turn {id: row.id})
SET t += row.fields
MERGE (t)-[:WORKED_ON {key: row.id + '>' + row.subject}]->(n)
RETURN t.id AS id
