# Packages: which may be asked for, and that none comes in unasked.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

# A name with optional extras, versions and marker (PEP 508), and nothing that names a place instead.
requirement_form := `^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(\[[A-Za-z0-9._, -]*\])?\s*(\(?\s*(===|[<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+(\s*,\s*(===|[<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+)*\s*\)?)?\s*(;[A-Za-z0-9\s"'._<>=!~()+,-]+)?$`

# Packages of other registries carry the registry's name in front; versions are ranges, never places.
registry_forms := {
	"npm": `^npm:(@[a-z0-9._~-]+/)?[A-Za-z0-9._~-]+(@[A-Za-z0-9.*+^~<>=| -]+)?$`,
	"go": `^go:[A-Za-z0-9][A-Za-z0-9._~/+-]*(@[A-Za-z0-9.+-]+)?$`,
	"cargo": `^cargo:[A-Za-z0-9_-]+(@[A-Za-z0-9.*+^~<>=, -]+)?$`,
	"maven": `^maven:[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+(@[A-Za-z0-9_.,+()\[\] -]+)?$`,
}

registry(text) := parts[0] if {
	parts := split(text, ":")
	count(parts) > 1
	registry_forms[parts[0]]
}

well_formed(text) if {
	not registry(text)
	regex.match(requirement_form, text)
}

well_formed(text) if regex.match(registry_forms[registry(text)], text)

deny contains reason if {
	some package_text in input.packages
	not well_formed(package_text)
	reason := sprintf("%q is no plain package requirement: give a name and versions, no address, path or option", [package_text])
}

deny contains reason if {
	some package_text in input.packages
	name := normal(package_text)
	some denied, advice in settings.denied_packages
	normal(denied) == name
	reason := sprintf("the package %q is not allowed: %s", [package_text, advice])
}

deny contains reason if {
	some package_text in input.packages
	name := normal(package_text)
	some denied in input.repository_rules.denied_packages
	normal(denied) == name
	reason := sprintf("the package %q is not allowed by the repository's settings: do without it", [package_text])
}

deny contains reason if {
	some allowed in [settings.allowed_packages, object.get(input.repository_rules, "allowed_packages", null)]
	is_array(allowed)
	some package_text in input.packages
	name := normal(package_text)
	not name in {normal(other) | some other in allowed}
	reason := sprintf("the package %q is not on the list of allowed packages: choose one of these, or ask a person: %s", [package_text, concat(", ", allowed)])
}

# A change may declare only packages that were asked for and granted.
deny contains reason if {
	not tool in {"request_dependency", "prepare"}
	some package_text in input.packages
	not normal(package_text) in granted_packages
	reason := sprintf("the change adds the package %q unasked: call request_dependency for it first", [package_text])
}

deny contains reason if {
	some path in written
	some pattern in settings.lock_files
	matches(pattern, path)
	count(granted_packages) == 0
	reason := sprintf("%q is a lock file: take the change back, or call request_dependency for the new package", [path])
}

granted_packages contains normal(text) if {
	names := object.get(input.arguments, "granted_packages", [])
	is_array(names)
	some text in names
	is_string(text)
}

# PEP 503: case and runs of dashes, dots and underscores do not tell names apart.
normal(text) := regex.replace(lower(regex.find_n(`^[A-Za-z0-9._-]*`, trim_space(text), 1)[0]), `[-_.]+`, "-") if {
	not registry(trim_space(text))
}

# The registry stays in the name: `npm:left-pad` is not `left-pad`.
normal(text) := lower(regex.find_n(`^[a-z]+:@?[^@]*`, trim_space(text), 1)[0]) if registry(trim_space(text))
