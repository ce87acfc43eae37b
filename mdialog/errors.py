"""What can go wrong, said in one line: the value, the rule, what to do."""


class MdialogError(Exception):
    """Root of every error that a user can mend."""


class InputError(MdialogError):
    """A file, table, option or configuration that cannot be used as given."""


class QueryError(MdialogError):
    """A query that does not parse or names what does not exist."""


class ModelError(MdialogError):
    """A model that cannot be loaded or does not do what is asked of it."""
