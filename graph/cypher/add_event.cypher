CREATE (e:Event {id: $id, at: datetime($at), who: $who, what: $what, why: $why, subject: $subject})
