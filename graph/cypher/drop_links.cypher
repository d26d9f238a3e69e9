MATCH (t:Task {id: $id})-[r:DEPENDS_ON|TOUCHES]->()
DELETE r
