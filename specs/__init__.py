"""The specs: task specs, the Planner's proposal, spec-kit's layout and its validator."""

from specs.errors import Problem, SpecInvalid, SpecsError
from specs.plan import NewDependency, PlanProposal, PlanTask, find_cycle, validate_plan
from specs.speckit import feature_folder, slugify, to_task_spec, write_feature_specs
from specs.task import TaskSpec, parse_spec, spec_yaml, task_schema
from specs.validate import validate_file, validate_tree

__all__ = [
    "NewDependency",
    "PlanProposal",
    "PlanTask",
    "Problem",
    "SpecInvalid",
    "SpecsError",
    "TaskSpec",
    "feature_folder",
    "find_cycle",
    "parse_spec",
    "slugify",
    "spec_yaml",
    "task_schema",
    "to_task_spec",
    "validate_file",
    "validate_plan",
    "validate_tree",
    "write_feature_specs",
]
