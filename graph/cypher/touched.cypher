MATCH (:File {id: $file_id})<-[:TOUCHES]-(t:Task)
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task)
WITH t, collect(d.id) AS depends_on
OPTIONAL MATCH (t)-[:TOUCHES]->(p:File)
WITH t, depends_on, collect(p.path) AS touches
RETURN t {.*} AS task, depends_on, touches ORDER BY t.key
