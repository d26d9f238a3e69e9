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

test_packages_of_other_registries_may_be_asked_for if {
	every text in [
		"npm:left-pad", "npm:@types/node@^20", "npm:vite@>=5 <6 || ^7", "go:github.com/stretchr/testify@v1.9.0",
		"go:gopkg.in/yaml.v3", "cargo:serde@1.0", "cargo:tokio@>=1, <2", "maven:org.junit.jupiter:junit-jupiter@5.10.2",
	] {
		requested(text)
	}
}

test_places_of_other_registries_may_not if {
	every text in [
		"npm:x@https://example.org/x.tgz", "npm:x@github:a/b", "npm:x@a/b", "npm:x@git+ssh://a", "npm:", "go:../x",
		"go:x@https://a", "cargo:x@git:https://example.org/x", "maven:only-group", "maven:a:b@http://x", "npm:x\ny",
	] {
		not requested(text)
	}
}

test_registry_is_part_of_the_name if {
	count(roadcrew.deny) == 0 with input as asks("request_dependency", ["npm:sklearn"], {})
	count(roadcrew.deny) == 1 with input as asks("submit", ["npm:left-pad"], {"arguments": {"granted_packages": ["left-pad"]}})
	count(roadcrew.deny) == 0 with input as asks("submit", ["npm:left-pad"], {"arguments": {"granted_packages": ["npm:left-pad"]}})
	count(roadcrew.deny) == 0 with input as asks("submit", ["npm:@a/b"], {"arguments": {"granted_packages": ["npm:@a/b@^2"]}})
	count(roadcrew.deny) == 1 with input as asks("prepare", ["npm:x@1"], {"repository_rules": {"denied_packages": ["npm:x"]}})
	count(roadcrew.deny) == 0 with input as asks("prepare", ["npm:x@1"], {"repository_rules": {"allowed_packages": ["npm:x"]}})
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
