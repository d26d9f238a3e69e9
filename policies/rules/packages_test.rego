package roadcrew_packages_test

import data.roadcrew
import rego.v1

asks(tool, packages, more) := object.union(
	{
		"role": "coder", "tool": tool, "repository": "acme/shop", "arguments": {}, "paths": [], "packages": packages,
		"network": "none", "change": [], "repository_rules": {},
	},
	more,
)

requested(package_text) if count(roadcrew.deny) == 0 with input as asks("request_dependency", [package_text], {})

test_plain_requirements_may_be_asked_for if {
	every text in [
		"tomlkit", "tomlkit>=0.13", "uvicorn[standard]", "a==1.*", "x~=1.4,!=1.5", "zope.interface >= 5",
		"tomli; python_version < '3.11'", "ruamel.yaml", "a (>=1)",
	] {
		requested(text)
	}
}

test_places_and_options_may_not if {
	every text in [
		"https://example.org/a.whl", "a @ https://example.org/a.whl", "git+https://example.org/a.git", "./a", "/a",
		"../a", "-r requirements.txt", "--index-url=x", "a --pre", "a b", "", "a\nb", "file:a", "a#egg=b", "$(x)", "a;rm -rf /",
	] {
		not requested(text)
	}
}

test_denied_names_are_told_what_to_do if {
	some reason in roadcrew.deny with input as asks("request_dependency", ["SKLearn>=1"], {})
	contains(reason, "scikit-learn")
}

test_list_of_allowed_names_holds if {
	count(roadcrew.deny) == 0 with input as asks("request_dependency", ["Ruamel_YAML"], {})
		with data.roadcrew_data.allowed_packages as ["ruamel.yaml"]
	count(roadcrew.deny) == 1 with input as asks("request_dependency", ["tomlkit"], {})
		with data.roadcrew_data.allowed_packages as ["ruamel.yaml"]
}

test_own_lists_tighten if {
	count(roadcrew.deny) == 1 with input as asks("prepare", ["x"], {"repository_rules": {"denied_packages": ["X"]}})
	count(roadcrew.deny) == 1 with input as asks("prepare", ["x"], {"repository_rules": {"allowed_packages": []}})
	count(roadcrew.deny) == 0 with input as asks("prepare", ["x"], {"repository_rules": {"allowed_packages": null}})
}

test_new_package_needs_a_grant if {
	count(roadcrew.deny) == 1 with input as asks("submit", ["tomlkit"], {})
	count(roadcrew.deny) == 0 with input as asks("submit", ["tomlkit"], {"arguments": {"granted_packages": ["TomlKit>=0.13"]}})
	count(roadcrew.deny) == 1 with input as asks("submit", ["tomlkit"], {"arguments": {"granted_packages": ["other"]}})
}

locked(name, granted) := asks("submit", [], {
	"arguments": {"granted_packages": granted},
	"change": [{"path": name, "mode": "100644", "kind": "modified", "size": 1, "link_target": null, "binary": false}],
})

test_lock_file_needs_a_grant if {
	every name in ["uv.lock", "web/package-lock.json", "Cargo.lock", "go.sum", "requirements-dev.lock", "poetry.lock"] {
		count(roadcrew.deny) == 1 with input as locked(name, [])
		count(roadcrew.deny) == 0 with input as locked(name, ["tomlkit"])
	}
}
