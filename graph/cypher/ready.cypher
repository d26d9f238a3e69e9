MATCH (t:Task {status: 'open', rank: $rank})
WHERE ($assignee IS NULL OR t.assignee = $assignee)
  AND NOT EXISTS { MATCH (t)-[:DEPENDS_ON]->(u:Task) WHERE NOT u.status IN $met }
WITH t LIMIT $limit
OPTIONAL MATCH (t)-[:DEPENDS_ON]->(d:Task)
WITH t, collect(d.id) AS depends_on
OPTIONAL MATCH (t)-[:TOUCHES]->(p:File)
WITH t, depends_on, collect(p.path) AS touches
RETURN t {.*} AS task, depends_on, touches ORDER BY t.id
