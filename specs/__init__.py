"""The specs: task specs, the Planner's proposal, spec-kit's layout and its validator."""

from specs.edits import PlanEdit, TaskEdit, edited, plan_yaml, read_edit
from specs.errors import Problem, SpecInvalid, SpecsError
from specs.markdown import disarmed, quiet, slugify
from specs.plan import NewDependency, PlanProposal, PlanTask, Scenario, UserStory
from specs.plan_rules import find_cycle, validate_plan
from specs.scaffold import scaffold
from specs.speckit import feature_folder, to_task_specs, write_feature_specs
from specs.task import TaskSpec, parse_spec, spec_yaml, task_schema
from specs.tasks_file import TaskLine, parse_tasks
from specs.validate import validate_file, validate_tree

__all__ = [
    "NewDependency",
    "PlanEdit",
    "PlanProposal",
    "PlanTask",
    "Problem",
    "Scenario",
    "SpecInvalid",
    "SpecsError",
    "TaskEdit",
    "TaskLine",
    "TaskSpec",
    "UserStory",
    "edited",
    "feature_folder",
    "find_cycle",
    "parse_spec",
    "parse_tasks",
    "plan_yaml",
    "disarmed",
    "quiet",
    "read_edit",
    "scaffold",
    "slugify",
    "spec_yaml",
    "task_schema",
    "to_task_specs",
    "validate_file",
    "validate_plan",
    "validate_tree",
    "write_feature_specs",
]
