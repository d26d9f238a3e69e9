package roadcrew_vulnerabilities_test

import data.roadcrew
import rego.v1

weak := {
	"package": "jinja2", "version": "2.10", "id": "GHSA-462w-v97r-4m45", "aliases": ["CVE-2019-10906"],
	"score": 8.6, "fixed": ["2.10.1"],
}

asks(tool, advisory) := {
	"role": "coder", "tool": tool, "repository": "acme/shop", "arguments": {}, "paths": [], "packages": ["jinja2"],
	"network": "none", "change": [], "repository_rules": {}, "advisories": [object.union(weak, advisory)],
}

test_grave_ones_are_refused_with_the_way_out if {
	some reason in roadcrew.deny with input as asks("request_dependency", {})
	contains(reason, "GHSA-462w-v97r-4m45 (CVSS 8.6")
	contains(reason, "2.10.1")
}

test_without_a_mended_version_the_way_out_is_another_package if {
	some reason in roadcrew.deny with input as asks("request_dependency", {"fixed": []})
	contains(reason, "another package")
}

test_the_limit_itself_is_refused if {
	count(roadcrew.deny) == 1 with input as asks("request_dependency", {"score": 7.0})
	count(roadcrew.deny) == 0 with input as asks("request_dependency", {"score": 6.9})
}

test_unrated_ones_pass if count(roadcrew.deny) == 0 with input as asks("request_dependency", {"score": null})

test_accepted_ones_pass_by_id if {
	count(roadcrew.deny) == 0 with input as asks("request_dependency", {})
		with data.roadcrew_data.accepted_advisories as ["ghsa-462w-v97r-4m45"]
}

test_accepted_ones_pass_by_alias if {
	count(roadcrew.deny) == 0 with input as asks("request_dependency", {})
		with data.roadcrew_data.accepted_advisories as ["CVE-2019-10906"]
}

test_others_accepted_change_nothing if {
	count(roadcrew.deny) == 1 with input as asks("request_dependency", {})
		with data.roadcrew_data.accepted_advisories as ["CVE-2000-1"]
}

test_the_limit_can_be_moved if {
	count(roadcrew.deny) == 0 with input as asks("request_dependency", {})
		with data.roadcrew_data.advisory_limit as 9
}
