package roadcrew_roles_test

import data.roadcrew
import rego.v1

asks(role, tool, more) := object.union(
	{
		"role": role, "tool": tool, "repository": "acme/shop", "arguments": {}, "paths": [], "packages": [],
		"network": "none", "change": [], "repository_rules": {},
	},
	more,
)

change(path) := {"change": [{"path": path, "mode": "100644", "kind": "modified", "size": 1, "link_target": null, "binary": false}]}

allowed if {
	roadcrew.granted
	count(roadcrew.deny) == 0
}

test_coder_may_edit if allowed with input as asks("coder", "edit", {"paths": ["src/shop.py"]})

test_unknown_role_is_denied if {
	not allowed with input as asks("admin", "view", {})
	some reason in roadcrew.deny with input as asks("admin", "view", {})
	contains(reason, "no role of the team")
}

test_unknown_tool_is_denied if not allowed with input as asks("coder", "format_disk", {})

test_only_planner_and_integrator_write_the_graph if {
	writers := {role | some role in object.keys(data.roadcrew_data.role_tools); allowed with input as asks(role, "graph_write", {})}
	writers == {"planner", "integrator"}
}

test_only_the_integrator_pushes if {
	pushers := {role | some role in object.keys(data.roadcrew_data.role_tools); allowed with input as asks(role, "push", {"arguments": {"branch": "feature/F-1"}})}
	pushers == {"integrator"}
}

test_data_cannot_hand_out_the_graph if {
	not allowed with input as asks("coder", "graph_write", {})
		with data.roadcrew_data.role_tools as {"coder": ["graph_write"]}
}

test_nothing_is_granted_without_all_limits if {
	not roadcrew.granted with input as asks("coder", "view", {})
		with data.roadcrew_data as {"role_tools": {"coder": ["view"]}}
}

test_reviewer_changes_nothing if {
	allowed with input as asks("reviewer", "submit", {})
	not allowed with input as asks("reviewer", "submit", change("src/shop.py"))
}

test_docgen_writes_documentation if {
	every path in ["README.md", "CHANGELOG", "docs/a/b.html", "src/notes.md", "openapi.yaml"] {
		allowed with input as asks("docgen", "edit", {"paths": [path]})
	}
}

test_docgen_writes_no_code if not allowed with input as asks("docgen", "submit", change("src/shop.py"))

test_docgen_may_change_docstrings if {
	more := object.union(change("src/shop.py"), {"arguments": {"docstrings_only": true}})
	allowed with input as asks("docgen", "submit", more)
}

test_docgen_may_change_doc_comments if {
	every path in ["web/shop.ts", "shop.go", "src/lib.rs", "Shop.java", "shop.pyi"] {
		more := object.union(change(path), {"arguments": {"docstrings_only": true}})
		allowed with input as asks("docgen", "submit", more)
	}
}

test_docgen_may_edit_a_file_that_can_hold_docstrings if {
	allowed with input as asks("docgen", "edit", {"paths": ["src/shop.py"]})
	not allowed with input as asks("docgen", "create", {"paths": ["src/shop.py"]})
	not allowed with input as asks("docgen", "edit", {"paths": ["src/shop.sh"]})
}

test_docgen_writes_changelog_fragments if {
	every path in ["newsfragments/12.feature", "changes/12.bugfix.rst", "changelog.d/+a.misc", ".changeset/one-two.md", "HISTORY"] {
		allowed with input as asks("docgen", "create", {"paths": [path]})
	}
}

test_docgen_may_not_call_a_script_documentation if {
	more := object.union(change("src/shop.sh"), {"arguments": {"docstrings_only": true}})
	not allowed with input as asks("docgen", "submit", more)
}
