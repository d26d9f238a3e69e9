MATCH (:Lesson {id: $id})-[e:LEARNED_FROM {key: $key}]->()
RETURN e.key AS key
