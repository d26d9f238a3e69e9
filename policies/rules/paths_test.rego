package roadcrew_paths_test

import data.roadcrew
import rego.v1

submits(file) := {
	"role": "coder", "tool": "submit", "repository": "acme/shop", "arguments": {}, "paths": [file.path], "packages": [],
	"network": "none", "repository_rules": {},
	"change": [object.union({"mode": "100644", "kind": "modified", "size": 1, "link_target": null, "binary": false}, file)],
}

denied(file) if count(roadcrew.deny) > 0 with input as submits(file)

test_ordinary_files_pass if {
	every path in [
		"src/shop.py", "README.md", ".github/ISSUE_TEMPLATE.md", "tests/keys.py", ".env.example", ".gitignore",
		"src/credentials_form.py", "docs/environment.md", "requirements.txt", "pyproject.toml", ".gitattributes",
	] {
		not denied({"path": path})
	}
}

test_protected_files_do_not if {
	every path in [
		".github/workflows/ci.yml", ".GitHub/Workflows/x.yaml", ".gitlab-ci.yml", "CODEOWNERS", "docs/CODEOWNERS",
		".env", "deploy/.env.production", "certs/a.PEM", "server.key", "id_rsa", "id_rsa.pub", "credentials.json",
		".netrc", "web/.npmrc", ".pypirc", ".git/config", "sub/.git/hooks/pre-commit", ".gitmodules", "GIT~1/config", ".lfsconfig",
	] {
		denied({"path": path})
	}
}

test_deleting_a_workflow_is_a_change_too if denied({"path": ".github/workflows/ci.yml", "kind": "deleted", "mode": "100644"})

test_paths_out_of_the_tree_do_not_pass if {
	every path in ["../x", "/etc/passwd", "a/../../b", "~/x", "C:/x", "a\\b", "a\nb", ""] {
		denied({"path": path})
	}
}

test_own_protected_paths_are_added if {
	asked := object.union(submits({"path": "db/schema.sql"}), {"repository_rules": {"protected_paths": ["db/**"]}})
	count(roadcrew.deny) == 1 with input as asked
}

test_links_inside_pass if {
	every target in ["b.txt", "../b.txt", "./x/../y", "../../b"] {
		not denied({"path": "a/c/link", "mode": "120000", "link_target": target})
	}
}

test_links_out_do_not if {
	every target in ["/etc/passwd", "../../../b", "x/../../../../b", "..\\b", "../../.git/config", "~/x", ""] {
		denied({"path": "a/c/link", "mode": "120000", "link_target": target})
	}
}

test_link_without_target_is_denied if denied({"path": "a", "mode": "120000"})

test_submodules_are_denied if denied({"path": "vendor/lib", "mode": "160000"})

test_removing_a_submodule_entry_passes if not denied({"path": "vendor/lib", "mode": "160000", "kind": "deleted"})

test_unknown_modes_are_denied if denied({"path": "a", "mode": "104755"})

test_executable_binaries_are_denied if denied({"path": "run", "mode": "100755", "binary": true})

test_scripts_and_pictures_pass if {
	not denied({"path": "run.sh", "mode": "100755"})
	not denied({"path": "logo.png", "binary": true})
}

test_size_is_limited if {
	not denied({"path": "a", "size": 2097152})
	denied({"path": "a", "size": 2097153})
}

test_own_size_limit_only_tightens if {
	count(roadcrew.deny) == 1 with input as limited(10, 11)
	count(roadcrew.deny) == 0 with input as limited(10, 10)
	count(roadcrew.deny) == 1 with input as limited(99999999, 2097153)
}

limited(limit, size) := object.union(submits({"path": "a", "size": size}), {"repository_rules": {"max_file_bytes": limit}})
