"""Policies: YAML in, a release image for the core out."""

from fenqi.policy.compiler import CompiledPolicy, compile_policy
from fenqi.policy.errors import PolicyError

__all__ = ["CompiledPolicy", "PolicyError", "compile_policy"]
