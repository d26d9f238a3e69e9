"""The errors of the policies. A decision never raises one of them: what cannot be decided is denied.

PolicyError             message and hint
├── RulesInvalid        the rules or their data cannot be read, or do not compile
└── EngineFailed        the engine gave no answer
    └── EngineAway      the engine cannot be reached
"""


class PolicyError(Exception):
    """An error of the policies: what was wrong, with which value, and in `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class RulesInvalid(PolicyError):
    """The rules or their data cannot be used; the message names the file."""


class EngineFailed(PolicyError):
    """The engine gave no usable answer."""


class EngineAway(EngineFailed):
    """The engine cannot be reached."""
