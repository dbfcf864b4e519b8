"""From the model to the intermediate representation: names, types, modules and descriptions."""

from codegen.resolve.resolver import CUSTOMIZATIONS, resolve
from codegen.resolve.shapes import walk

__all__ = ["CUSTOMIZATIONS", "resolve", "walk"]
