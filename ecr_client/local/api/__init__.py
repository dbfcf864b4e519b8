"""The handlers of the operations, one module for each resource: see `operations.HANDLERS`."""
