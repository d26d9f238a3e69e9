# Which role may use which tool, and what some roles may never do whatever the data says.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

deny contains reason if {
	not input.role in object.keys(settings.role_tools)
	roles := concat(", ", sort(object.keys(settings.role_tools)))
	reason := sprintf("%q is no role of the team: the roles are %s", [input.role, roles])
}

deny contains reason if {
	not tool in settings.role_tools[input.role]
	input.role in object.keys(settings.role_tools)
	reason := sprintf("the %s may not use %q: %s", [input.role, tool, who_may])
}

who_may := sprintf("leave it to the %s", [concat(" or the ", sort(those_who_may))]) if count(those_who_may) > 0

who_may := "no role may, so do without it" if count(those_who_may) == 0

those_who_may contains role if {
	some role, tools in settings.role_tools
	tool in tools
}

deny contains reason if {
	tool == "graph_write"
	not input.role in {"planner", "integrator"}
	reason := sprintf("the %s may not write to the roadmap: only planner and integrator do", [input.role])
}

deny contains reason if {
	tool in {"branch", "merge", "pull_request", "push"}
	input.role != "integrator"
	reason := sprintf("the %s may not use %q: only the integrator does", [input.role, tool])
}

deny contains reason if {
	input.role in {"researcher", "reviewer"}
	some path in written
	reason := sprintf("the %s only reads, and this would change %q: hand in findings instead", [input.role, path])
}

deny contains reason if {
	input.role == "docgen"
	some path in written
	not documentation(path)
	reason := sprintf("docgen changes documentation and docstrings only, not %q: leave code to the coder", [path])
}

documentation(path) if {
	some pattern in settings.docs_paths
	matches(pattern, path)
}

# Docstrings and comments: the whole change is judged when it is handed in.
documentation(path) if {
	commented(path)
	input.arguments.docstrings_only == true
}

# One edit of a file that is there may add a docstring; what it did is judged with the whole change.
documentation(path) if {
	tool == "edit"
	commented(path)
}

# Languages in which documentation can be told from code.
commented(path) if {
	some suffix in {
		".py", ".pyi", ".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx",
		".go", ".rs", ".java",
	}
	endswith(lower(path), suffix)
}
