package roadcrew_network_test

import data.roadcrew
import rego.v1

asks(tool, network, arguments) := {
	"role": "integrator", "tool": tool, "repository": "acme/shop", "arguments": arguments, "paths": [], "packages": [],
	"network": network, "change": [], "repository_rules": {},
}

test_code_runs_without_network if {
	count(roadcrew.deny) == 0 with input as asks("launch", "none", {})
	count(roadcrew.deny) == 0 with input as asks("environment.launch", "none", {})
	every network in ["open", "packages", "host", ""] {
		count(roadcrew.deny) == 1 with input as asks("launch", network, {})
		count(roadcrew.deny) == 1 with input as asks("environment.launch", network, {})
		count(roadcrew.deny) == 1 with input as asks("bash", network, {})
	}
}

researches(role, tool, network) := object.union(asks(tool, network, {}), {"role": role})

test_the_researcher_asks_outside if {
	every tool in ["search", "read_page", "package", "advisories"] {
		count(roadcrew.deny) == 0 with input as researches("researcher", tool, "research")
		count(roadcrew.deny) > 0 with input as researches("researcher", tool, "none")
		count(roadcrew.deny) > 0 with input as researches("researcher", tool, "open")
	}
}

test_nobody_else_asks_outside if {
	every role in ["planner", "coder", "tester", "reviewer", "docgen", "integrator"] {
		every tool in ["search", "read_page", "package", "advisories"] {
			count(roadcrew.deny) > 0 with input as researches(role, tool, "research")
		}
	}
}

test_code_does_not_run_with_the_network_of_research if {
	every tool in ["bash", "view", "submit", "package_docs", "launch", "prepare"] {
		count(roadcrew.deny) > 0 with input as researches("researcher", tool, "research")
	}
}

test_preparing_may_have_it if {
	every network in ["none", "packages", "open"] {
		count(roadcrew.deny) == 0 with input as asks("prepare", network, {})
	}
	count(roadcrew.deny) == 1 with input as asks("prepare", "host", {})
}

test_merge_needs_approval_and_green_checks if {
	count(roadcrew.deny) == 0 with input as asks("merge", "none", {"approved": true, "green": true})
	count(roadcrew.deny) == 1 with input as asks("merge", "none", {"approved": true})
	count(roadcrew.deny) == 1 with input as asks("merge", "none", {"approved": false, "green": true})
	count(roadcrew.deny) == 2 with input as asks("merge", "none", {"approved": "yes", "green": 1})
}

test_push_goes_to_feature_branches if {
	count(roadcrew.deny) == 0 with input as asks("push", "none", {"branch": "feature/F-12"})
	every arguments in [{"branch": "main"}, {"branch": "refs/heads/feature/F-12"}, {"branch": ""}, {}] {
		count(roadcrew.deny) == 1 with input as asks("push", "none", arguments)
	}
}
