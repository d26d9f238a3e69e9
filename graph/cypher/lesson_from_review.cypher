MATCH (l:Lesson {id: $id})
MATCH (s:Review {id: $source})
MERGE (l)-[e:LEARNED_FROM {key: $key}]->(s)
RETURN e.key AS key
