"""Listeners: audio-language models that run here or behind a server."""

from mdialog.listener.base import Listener


def load(name: str | None = None, *, device: str = "cpu", dtype: str | None = None, max_rows: int = 128) -> Listener:
    """The listener that a name on the command line means.

    Parameters
    ----------
    name : str, optional
        ``endpoint:MODEL@http://host:port/v1`` for a server; else what :meth:`mdialog.listener.local.LocalListener.load`
        takes, and the other options with it.

    Raises
    ------
    InputError
        If the name of a server is malformed.
    ModelError
        If a local model cannot be loaded.
    """
    if str(name).startswith("endpoint:"):
        from mdialog.listener.endpoint import EndpointListener

        return EndpointListener.from_spec(name)
    from mdialog.listener.local import LocalListener

    return LocalListener.load(name, device=device, dtype=dtype, max_rows=max_rows)
