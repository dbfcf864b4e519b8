"""Generated code; see codegen/."""
