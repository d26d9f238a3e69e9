MATCH (e:Event)
WHERE e.subject IN $subjects
RETURN toString(e.at) AS at, e.who AS who, e.what AS what, e.why AS why, e.subject AS subject ORDER BY e.at, e.id
