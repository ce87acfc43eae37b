"""A listener behind a server that speaks the OpenAI chat protocol and takes ``input_audio``: vLLM and others."""

import base64
import contextlib
import io
import json
import os
import re
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from urllib.parse import urlsplit

import numpy as np

from mdialog import seeds
from mdialog.errors import InputError, ModelError
from mdialog.listener.base import DEFAULT, Request, Sampling

PREFIX = "endpoint:"
KEY = "OPENAI_API_KEY"
SAMPLE_RATE_HZ = 16_000  # what the audio encoders of nearly all such models take
_RETRIED = (408, 429, 500, 502, 503, 504)
_LONGEST_WAIT_S = 60.0
_SHOWN = 200  # characters of a server's answer that an error quotes


class EndpointListener:
    """An OpenAI-compatible chat server as a :class:`mdialog.listener.base.Listener`.

    Parameters
    ----------
    model : str
        As the server calls it.
    url : str
        Base of the API, such as ``http://localhost:8000/v1``.
    concurrency : int > 0
        Requests under way at once.
    timeout_s : float > 0
        Longest silence of the server before a try is given up.
    retries : int >= 0
        Further tries after a server that is busy (429), in trouble (5xx), silent, or not there.
    wait_s : float >= 0
        Before the second try, doubled with each further one; a server's ``Retry-After`` is followed instead.

    The key is read from the environment variable ``OPENAI_API_KEY`` with each call, sent to `url` alone (redirections are
    not followed) and kept nowhere. Candidates depend on ``(seed, request.id)`` as far as the server honours its ``seed``.

    Raises
    ------
    InputError
        If `url` is no http(s) address, or holds a password.
    """

    sample_rate = SAMPLE_RATE_HZ
    max_clip_s: float | None = None
    max_clips: int | None = None
    sampling = DEFAULT
    by_the_book = False

    def __init__(
        self, model: str, url: str, *, concurrency: int = 8, timeout_s: float = 120.0, retries: int = 4, wait_s: float = 1.0
    ):
        try:
            parts = urlsplit(url)
            there = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            there = False
        if not there:
            raise InputError(f"{url!r} is no address of a server; give one such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise InputError(f"the address of {parts.hostname} holds a name, a key or a query; put the key into {KEY}")
        self.model, self.url = model, url.rstrip("/")
        self.model_id = f"{model}@{self.url}"
        self._concurrency, self._timeout_s, self._retries, self._wait_s = concurrency, timeout_s, retries, wait_s
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._one_by_one = False  # the server takes no `n`

    @classmethod
    def from_spec(cls, spec: str, **options) -> "EndpointListener":
        """From ``endpoint:MODEL@http://host:port/v1``.

        Raises
        ------
        InputError
            If `spec` is not of this form.
        """
        found = re.fullmatch(rf"{PREFIX}(.+)@(https?://.+)", spec)
        if not found:
            raise InputError(f"listener {spec!r} names no model and server; write {PREFIX}MODEL@http://host:port/v1")
        return cls(found[1], found[2], **options)

    def write(
        self, requests: Sequence[Request], *, n: int = 1, first: int = 0, seed: int = 0, sampling: Sampling = DEFAULT
    ) -> list[list[str]]:
        """Candidates number ``first .. first + n - 1`` of every request, in order, stripped of surrounding white space.

        An empty answer is a candidate like any other: the checks refuse it.

        Raises
        ------
        ModelError
            If the server is not there, refuses a request, stays silent or in trouble after all tries, or answers with
            anything but a chat completion.
        """
        with ThreadPoolExecutor(self._concurrency) as pool:
            try:
                return list(pool.map(lambda r: self._candidates(r, n=n, first=first, seed=seed, sampling=sampling), requests))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _candidates(self, request: Request, *, n: int, first: int, seed: int, sampling: Sampling) -> list[str]:
        messages = [_message(message, self.sample_rate) for message in request.messages]
        body = {"model": self.model, "messages": messages, "temperature": sampling.temperature, "top_p": sampling.top_p,
                "max_tokens": sampling.max_new_tokens, **({"min_p": sampling.min_p} if sampling.min_p else {})}  # fmt: skip
        if sampling.temperature == 0:
            return self._choices(body | {"seed": _seed(seed, request.id, first)})[:1] * n
        texts: list[str] = []
        if n > 1 and not self._one_by_one:
            try:
                texts = self._choices(body | {"seed": _seed(seed, request.id, first), "n": n})[:n]
            except _Refused:  # perhaps only `n`: else the single calls are refused as well
                self._one_by_one = True
        for k in range(first + len(texts), first + n):  # of a server that gives fewer than were asked for too
            texts += self._choices(body | {"seed": _seed(seed, request.id, k)})[:1]
        return texts

    def _choices(self, body: dict) -> list[str]:
        """Texts of a completion's choices, at least one."""
        answer = self._post(json.dumps(body).encode())
        try:
            texts = [choice["message"]["content"] for choice in json.loads(answer)["choices"]]
        except (ValueError, KeyError, TypeError) as error:
            shown = _shown(answer.decode(errors="replace"))
            raise ModelError(f"{self.model_id}: its answer is no chat completion ({shown}); is this the right URL?") from error
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ModelError(f"{self.model_id}: it answered without text; choose a model that writes text about audio")
        return [text.strip() for text in texts]

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if key := _key():
            headers["Authorization"] = f"Bearer {key}"
        url = f"{self.url}/chat/completions"
        for left in range(self._retries, -1, -1):
            asked = urllib.request.Request(url, data=body, headers=headers, method="POST")
            try:
                with self._opener.open(asked, timeout=self._timeout_s) as response:
                    return response.read()
            except urllib.error.HTTPError as error:
                with error:
                    wait_s = _retry_after(error)
                    failure = self._refusal(error)
                if error.code not in _RETRIED:
                    raise failure from None
            except (OSError, HTTPException) as error:  # URLError and TimeoutError among them
                reason, wait_s = getattr(error, "reason", None) or error, None
                silent = isinstance(reason, TimeoutError)
                why = f"no answer within {self._timeout_s:g} s" if silent else f"it cannot be reached ({reason})"
                failure = ModelError(f"{self.model_id}: {why}; is the server up?")
            if left:
                time.sleep(self._wait_s * 2.0 ** (self._retries - left) if wait_s is None else wait_s)
        raise failure from None

    def _refusal(self, error: urllib.error.HTTPError) -> ModelError:
        """What the server says, without anything that was sent."""
        said = ""
        with contextlib.suppress(OSError, HTTPException):  # it may break off here too
            said = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = str(json.loads(said)["error"]["message"])
        if error.code in (401, 403):
            return ModelError(f"{self.model_id}: HTTP {error.code}, not allowed; put a valid key into {KEY}")
        if 300 <= error.code < 400:
            return ModelError(f"{self.model_id}: HTTP {error.code}, it is at another address; give that one")
        kind = _Refused if 400 <= error.code < 500 and error.code not in _RETRIED else ModelError
        return kind(f"{self.model_id}: HTTP {error.code} ({_shown(said) or error.reason})")


class _Refused(ModelError):
    """A request that this server does not take."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection would hand the key to another server."""

    def redirect_request(self, *_):
        return None


def _key() -> str:
    key = os.environ.get(KEY, "").strip()
    if not key.isascii() or len(key.split()) > 1:
        raise InputError(f"{KEY} holds blanks or letters that no key has; set it anew")
    return key


def _shown(text: str) -> str:
    """What an error quotes of a server's answer: one line, without the key that it may repeat."""
    key = _key()
    text = text.replace(key, "...") if key else text
    return " ".join(text.split())[:_SHOWN]


def _seed(seed: int, request_id: str, k: int) -> int:
    return seeds.derive(seed, request_id, k) % 2**31


def _retry_after(error: urllib.error.HTTPError) -> float | None:
    try:
        return min(_LONGEST_WAIT_S, max(0.0, float(error.headers["Retry-After"])))
    except (TypeError, ValueError):
        return None


def _message(message: dict, sample_rate: int) -> dict:
    """A chat message with its audio parts as the protocol has them."""
    content = message["content"]
    if isinstance(content, list):
        content = [_audio(part["audio"], sample_rate) if part["type"] == "audio" else part for part in content]
    return {**message, "content": content}


def _audio(samples: np.ndarray, sample_rate: int) -> dict:
    data = base64.b64encode(wav(samples, sample_rate)).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def wav(samples: np.ndarray, sample_rate: int) -> bytes:
    """Mono samples in [-1, 1], shape ``(n_samples,)``, as a 16-bit WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()
