MERGE (e:Event {id: $id})
ON CREATE SET e.at = datetime($at), e.who = $who, e.what = $what, e.why = $why, e.subject = $subject
