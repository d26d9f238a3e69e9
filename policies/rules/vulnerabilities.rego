# Known vulnerabilities: a package whose version has a grave known vulnerability does not come in.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

deny contains reason if {
	some advisory in object.get(input, "advisories", [])
	is_number(advisory.score)
	advisory.score >= settings.advisory_limit
	not accepted(advisory)
	named := sprintf("%s %s has the known vulnerability %s", [advisory["package"], advisory.version, advisory.id])
	reason := sprintf("%s (CVSS %v, the limit is %v): %s", [named, advisory.score, settings.advisory_limit, way_out(advisory)])
}

accepted(advisory) if {
	some name in settings.accepted_advisories
	lower(name) in {lower(id) | some id in array.concat([advisory.id], advisory.aliases)}
}

way_out(advisory) := sprintf("ask for a version that mends it (%s)", [concat(", ", advisory.fixed)]) if count(advisory.fixed) > 0

way_out(advisory) := "no version mends it, so ask for another package" if count(advisory.fixed) == 0
