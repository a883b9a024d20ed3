"""The connection doctor: what stands between Felix and a model, each cause in one sentence with what to do about it."""

from felix.llm.examination.checks import examine
from felix.llm.examination.comparison import compare_streaming, comparison_request
from felix.llm.examination.findings import TITLES, Check, Comparison, Course, Finding, Repair, State

__all__ = [
    "TITLES",
    "Check",
    "Comparison",
    "Course",
    "Finding",
    "Repair",
    "State",
    "compare_streaming",
    "comparison_request",
    "examine",
]
