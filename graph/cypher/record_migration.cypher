MERGE (m:Migration {name: $name})
ON CREATE SET m.at = datetime($at)
