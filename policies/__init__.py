"""The policies: Rego rules, their tests, and the engine that decides what a role may do."""

from policies.devctl_question import DevctlCaller, DevctlImage, DevctlQuestion, DevctlUser, LivingEnvironment
from policies.engine import PolicyEngine, open_engine
from policies.errors import EngineAway, EngineFailed, PolicyError, RulesInvalid
from policies.records import Action, Decision, FileChange, KnownAdvisory, RepositoryRules, RuleTest
from policies.rule_tests import run_rule_tests
from policies.settings import PolicySettings

__all__ = [
    "Action",
    "Decision",
    "DevctlCaller",
    "DevctlImage",
    "DevctlQuestion",
    "DevctlUser",
    "EngineAway",
    "EngineFailed",
    "FileChange",
    "KnownAdvisory",
    "LivingEnvironment",
    "PolicyEngine",
    "PolicyError",
    "PolicySettings",
    "RepositoryRules",
    "RuleTest",
    "RulesInvalid",
    "open_engine",
    "run_rule_tests",
]
