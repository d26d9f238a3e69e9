MATCH (t:Task {id: $id})
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task)
WITH t, collect(d.id) AS depends_on
OPTIONAL MATCH (t)-[:TOUCHES]->(p:File)
RETURN t {.*} AS task, depends_on, collect(p.path) AS touches
