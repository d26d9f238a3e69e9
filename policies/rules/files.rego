# The files of a change: links, submodules, modes and sizes. What is deleted is judged by its path alone.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

kept contains file if {
	some file in input.change
	file.kind != "deleted"
}

deny contains reason if {
	some file in kept
	not file.mode in {"100644", "100755", "120000", "160000"}
	reason := sprintf("%q has the file mode %q: use a plain file", [file.path, file.mode])
}

deny contains reason if {
	some file in kept
	file.mode == "160000"
	reason := sprintf("%q is a submodule: add the files themselves, or a dependency", [file.path])
}

deny contains reason if {
	some file in kept
	file.mode == "120000"
	target := object.get(file, "link_target", null)
	link_leads_out(file.path, target)
	reason := sprintf("the link %q leads to %v, out of the repository: link inside it, or copy the file", [file.path, target])
}

link_leads_out(_, target) if not is_string(target)

link_leads_out(_, target) if {
	is_string(target)
	unusable(target)
}

link_leads_out(_, target) if {
	is_string(target)
	".git" in split(lower(target), "/")
}

# Somewhere on its way the link climbs above the root.
link_leads_out(path, target) if {
	is_string(target)
	depth := count(split(path, "/")) - 1
	parts := [part | some part in split(target, "/"); not part in {"", "."}]
	some length in numbers.range(1, count(parts))
	ups := count([part | some part in array.slice(parts, 0, length); part == ".."])
	(depth + length) - (2 * ups) < 0
}

deny contains reason if {
	some file in kept
	file.binary
	file.mode == "100755"
	reason := sprintf("%q is an executable binary: add its source, or a dependency", [file.path])
}

deny contains reason if {
	some file in kept
	file.size > size_limit
	reason := sprintf("%q has %d bytes, and %d is the limit: make it smaller, or keep it elsewhere", [file.path, file.size, size_limit])
}

size_limit := min({limit |
	some limit in [settings.max_file_bytes, object.get(input.repository_rules, "max_file_bytes", null)]
	is_number(limit)
})
