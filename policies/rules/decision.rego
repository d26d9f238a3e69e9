# The decision: what is granted, and every reason against it. Nothing is granted unless a rule says so.
#
# Extra rules join this package and add reasons: `deny contains reason if { … }`.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

decision := {"granted": granted, "denials": deny}

default granted := false

granted if {
	complete
	tool in settings.role_tools[input.role]
}

# A rule whose limits are missing would be silent; so nothing is granted without all of them.
complete if {
	needed := {
		"accepted_advisories", "advisory_limit", "allowed_packages", "denied_packages", "docs_paths", "lock_files",
		"max_file_bytes", "not_secret", "prepare_networks", "protected", "research_tools", "role_tools",
	}
	count(needed - object.keys(settings)) == 0
}

tool := trim_prefix(input.tool, "environment.")

# The paths that an action writes.
written contains path if {
	tool in {"edit", "create"}
	some path in input.paths
}

written contains file.path if some file in input.change

# A pattern without a slash is matched with the file's name, one that ends in /** with everything in a folder.
# Case is ignored, since some file systems ignore it.
matches(pattern, path) if {
	not contains(pattern, "/")
	parts := split(lower(path), "/")
	glob.match(lower(pattern), null, parts[count(parts) - 1])
}

matches(pattern, path) if {
	endswith(pattern, "/**")
	startswith(concat("", [lower(path), "/"]), lower(trim_suffix(pattern, "**")))
}

matches(pattern, path) if {
	contains(pattern, "/")
	not endswith(pattern, "/**")
	glob.match(lower(pattern), ["/"], lower(path))
}
