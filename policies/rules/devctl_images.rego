# Which images are run and built, and what is installed into them.
package roadcrew.devctl

import data.devctl_data as settings
import rego.v1

weighs_image if launches

weighs_image if builds

deny contains {"rule": "image_cvss", "reason": reason} if {
	weighs_image
	input.image.cvss > settings.image_cvss_limit
	not accepted_image
	reason := sprintf("the image %q has a known vulnerability of CVSS %v, above %v: take one that mends it, or have it accepted by name", [input.image.name, input.image.cvss, settings.image_cvss_limit])
}

deny contains {"rule": "image_unscanned", "reason": reason} if {
	weighs_image
	settings.unscanned_images == "deny"
	is_object(input.image)
	input.image.cvss == null
	not accepted_image
	reason := sprintf("the image %q was not scanned: run `devctl scan` on it first", [input.image.name])
}

accepted_image if {
	some pattern in settings.accepted_images
	glob.match(pattern, null, input.image.name)
}

# What was made for somebody is theirs, unless the data share it. What was launched may be started again.
deny contains {"rule": "image_owner", "reason": reason} if {
	weighs_image
	input.operation != "start"
	not input.image.owner in {"", input.user.name}
	is_string(input.image.owner)
	input.user.role != "admin"
	not shared_image
	reason := sprintf("the image %q belongs to %s: ask them to build it for you, or an admin to share it by name", [input.image.name, input.image.owner])
}

shared_image if {
	some pattern in settings.shared_images
	glob.match(pattern, null, input.image.name)
}

deny contains {"rule": "image_list", "reason": reason} if {
	weighs_image
	is_array(settings.allowed_images)
	is_object(input.image)
	not listed_image
	reason := sprintf("the image %q is not on the list of allowed images: choose one of %s", [input.image.name, concat(", ", settings.allowed_images)])
}

listed_image if {
	some pattern in settings.allowed_images
	glob.match(pattern, null, input.image.name)
}

# What a manager takes for a name, with a version where it has one: never an option, address or path.
package_forms := {
	"apt": `^[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9.+:~-]+)?$`,
	"yum": `^[A-Za-z0-9][A-Za-z0-9+._-]*$`,
	"pip": `^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]*\])?\s*(([<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+(\s*,\s*([<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+)*)?$`,
	"npm": `^(@[a-z0-9][a-z0-9._~-]*/)?[a-z0-9][a-z0-9._~-]*(@[A-Za-z0-9.^~<>=|* -]+)?$`,
}

packages[manager] := names if {
	is_object(input.packages)
	some manager, names in input.packages
}

deny contains {"rule": "package_manager", "reason": reason} if {
	some manager, names in packages
	not manager in object.keys(package_forms)
	count(names) > 0
	reason := sprintf("%q is no package manager: use one of %s", [manager, concat(", ", sort(object.keys(package_forms)))])
}

deny contains {"rule": "package_name", "reason": reason} if {
	some manager, names in packages
	some name in names
	not regex.match(package_forms[manager], name)
	manager in object.keys(package_forms)
	reason := sprintf("%q is no plain %s package: give a name and a version, no address, path or option", [name, manager])
}

deny contains {"rule": "package_denied", "reason": reason} if {
	some manager, names in packages
	some name in names
	some pattern, advice in settings.denied_packages
	named(pattern, manager, name)
	reason := sprintf("the package %q is not allowed in an image: %s", [name, advice])
}

deny contains {"rule": "package_list", "reason": reason} if {
	is_array(settings.allowed_packages)
	some manager, names in packages
	some name in names
	not listed_package(manager, name)
	reason := sprintf("the package %q is not on the list of allowed packages: choose one of %s", [name, concat(", ", settings.allowed_packages)])
}

listed_package(manager, name) if {
	some pattern in settings.allowed_packages
	named(pattern, manager, name)
}

# A pattern is for all managers, or for the one that it begins with: `apt:docker*`.
named(pattern, manager, name) if glob.match(lower(pattern), null, bare(manager, name))

named(pattern, manager, name) if glob.match(lower(pattern), null, concat(":", [manager, bare(manager, name)]))

# The name without version or extras; npm's scope belongs to it.
bare(manager, name) := lower(regex.find_n(`^@?[^@=<>!~\[ ]*`, name, 1)[0]) if manager != "apt"

bare(manager, name) := lower(regex.find_n(`^[^=]*`, name, 1)[0]) if manager == "apt"
