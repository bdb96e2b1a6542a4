"""Tasks: which nodes are terminals, and what the outputs should be for given inputs."""

from labnet.tasks.classification import Classification, iris
from labnet.tasks.differential import Differential
from labnet.tasks.fixed import Allostery, Regression
from labnet.tasks.task import Examples, Targets, Task

KINDS: dict[str, type[Task]] = {kind.kind: kind for kind in (Allostery, Regression, Classification, Differential)}

__all__ = ["KINDS", "Allostery", "Classification", "Differential", "Examples", "Regression", "Targets", "Task", "iris"]
