# Protected paths: what no task may write, whoever works on it.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

deny contains reason if {
	some path in (written | {named | some named in input.paths})
	leads_out(path)
	reason := sprintf("%q leads out of the repository: give a path relative to its root", [path])
}

leads_out(path) if ".." in split(path, "/")

leads_out(path) if unusable(path)

# No path of a repository at all: absolute, empty, or with characters that no file should have.
unusable(path) if regex.match(`^([/~]|[A-Za-z]:)`, path)

unusable(path) if regex.match(`[\x00-\x1f\x7f\\]`, path)

unusable(path) if path == ""

deny contains reason if {
	some path in written
	some kind, patterns in settings.protected
	some pattern in patterns
	matches(pattern, path)
	not looks_secret_only(kind, path)
	reason := sprintf("%q is a protected file (%s): take the change back and leave it to a person", [path, kind])
}

looks_secret_only("secret", path) if {
	some pattern in settings.not_secret
	matches(pattern, path)
}

# Git's own folder at any depth, and the names under which other systems reach it.
deny contains reason if {
	some path in written
	some part in split(lower(path), "/")
	regex.match(`^(\.git[ .]*|git~[0-9]+)$`, part)
	reason := sprintf("%q lies in git's own folder: take the change back", [path])
}

deny contains reason if {
	some path in written
	some pattern in input.repository_rules.protected_paths
	matches(pattern, path)
	reason := sprintf("%q is protected by the repository's settings (%s): take the change back", [path, pattern])
}
