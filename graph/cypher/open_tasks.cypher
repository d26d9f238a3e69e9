UNWIND $ids AS id
MATCH (t:Task {id: id})
WHERE t.status = 'open'
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task)
WITH t, collect(d.id) AS depends_on
OPTIONAL MATCH (t)-[:TOUCHES]->(p:File)
WITH t, depends_on, collect(p.path) AS touches
RETURN t {.*} AS task, depends_on, touches ORDER BY t.place
