MATCH (l:Lesson {id: $id})
MATCH (s:Run {id: $source})
MERGE (l)-[e:LEARNED_FROM {key: $key}]->(s)
RETURN e.key AS key
