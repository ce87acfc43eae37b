"""The endpoint listener against a real server that speaks the protocol, well and badly."""

import base64
import io
import json
import threading
import time
import wave
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mdialog.errors import InputError, ModelError
from mdialog.listener.base import Request, Sampling
from mdialog.listener.endpoint import SAMPLE_RATE_HZ, EndpointListener

KEY = "sk-never-to-be-seen"


def completion(*texts) -> tuple[int, bytes]:
    choices = [{"index": i, "message": {"role": "assistant", "content": text}} for i, text in enumerate(texts)]
    return 200, json.dumps({"choices": choices}).encode()


def refusal(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"message": message}}).encode()


@contextmanager
def server(answer, **headers):
    """A server on a free port; `answer` takes a request's body and gives status and bytes. Yields the URL and the bodies."""
    seen: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body | {"path": self.path, "key": self.headers["Authorization"]})
            status, data = answer(body)
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)
            except OSError:  # the other side has given up
                pass

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1", seen
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def listener(url: str, **options) -> EndpointListener:
    return EndpointListener("ears", url, **{"wait_s": 0.01, "timeout_s": 5.0, "retries": 2} | options)


def request(name: str = "r", *audio: np.ndarray, text: str = "Höre! 🎵") -> Request:
    parts = [*({"type": "audio", "audio": samples} for samples in audio), {"type": "text", "text": text}]
    return Request(name, [{"role": "system", "content": "You recommend."}, {"role": "user", "content": parts}])


def echo(body):
    """The text of the request, and the candidate's seed."""
    return completion(*(f" {body['messages'][1]['content'][-1]['text']} {body['seed']}-{i}\n" for i in range(body.get("n", 1))))


def test_the_sound_arrives_sample_by_sample(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    rng = np.random.default_rng(0)
    clips = [rng.uniform(-1, 1, 1600).astype(np.float32), np.array([0.0, 2.0, -2.0, 0.5], np.float32)]  # the second too loud
    with server(lambda _: completion("A slow organ.")) as (url, seen):
        assert listener(url).write([request("r", *clips)]) == [["A slow organ."]]
    (body,) = seen
    assert body["path"] == "/v1/chat/completions" and body["key"] == f"Bearer {KEY}" and body["model"] == "ears"
    *audio, text = body["messages"][1]["content"]
    assert body["messages"][0] == {"role": "system", "content": "You recommend."} and text["text"] == "Höre! 🎵"
    for part, clip in zip(audio, clips, strict=True):
        assert part["type"] == "input_audio" and part["input_audio"]["format"] == "wav"
        with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as file:
            assert (file.getframerate(), file.getnchannels()) == (SAMPLE_RATE_HZ, 1)
            arrived = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        assert np.allclose(arrived, np.clip(clip, -1, 1), atol=1 / 32767)


def test_sampling_is_passed_on_and_order_kept(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with server(echo) as (url, seen):
        asked = [request(f"r{i}", text=f"t{i}") for i in range(12)]
        found = listener(url, concurrency=5).write(asked, n=2, first=3, seed=7, sampling=Sampling(0.6, 0.9, 50))
        again = listener(url, concurrency=1).write(asked, n=2, first=3, seed=7, sampling=Sampling(0.6, 0.9, 50))
        other = listener(url).write(asked[:1], n=2, first=3, seed=8, sampling=Sampling(0.6, 0.9, 50))
    assert [len(texts) for texts in found] == [2] * 12 and found == again and other[0] != found[0]
    assert all(text.startswith(f"t{i} ") for i, texts in enumerate(found) for text in texts)
    assert {(b["temperature"], b["top_p"], b["max_tokens"], b["n"]) for b in seen} == {(0.6, 0.9, 50, 2)}
    assert len({b["seed"] for b in seen[:12]}) == 12 and all(0 <= b["seed"] < 2**31 for b in seen)
    assert all(b["key"] is None for b in seen) and not any("min_p" in b for b in seen)


def test_a_server_is_told_of_min_p_only_where_it_is_set():
    with server(echo) as (url, seen):
        listener(url).write([request("r")], n=1, first=0, seed=0, sampling=Sampling(min_p=0.1))
    assert [b["min_p"] for b in seen] == [0.1]


def test_candidates_without_chance_are_asked_for_once():
    with server(echo) as (url, seen):
        (found,) = listener(url).write([request()], n=3, sampling=Sampling(temperature=0))
    assert len(seen) == 1 and len(found) == 3 and len(set(found)) == 1 and "n" not in seen[0]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_without_n_is_called_n_times(refuses):
    def one(body):
        return refusal(400, "n must be 1") if refuses and body.get("n", 1) > 1 else echo(body | {"n": 1})

    with server(one) as (url, seen):
        ears = listener(url, concurrency=1)
        found = ears.write([request("a"), request("b")], n=3)
    assert [len(set(texts)) for texts in found] == [3, 3]
    assert len(seen) == (7 if refuses else 6)  # it is not asked for several a second time


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(status):
    tries = iter([refusal(status, "busy"), refusal(status, "busy"), completion("Now.")])
    with server(lambda _: next(tries), Retry_After="0") as (url, seen):
        assert listener(url).write([request()]) == [["Now."]]
    assert len(seen) == 3


def test_a_server_that_stays_busy_is_given_up():
    ended = pytest.raises(ModelError, match="HTTP 500 .out of memory")
    with server(lambda _: refusal(500, "out of memory")) as (url, seen), ended:
        listener(url).write([request()])
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(400, "audio is not supported"), "HTTP 400 .audio is not supported"),
        (refusal(404, "no model ears"), "no model ears"),
        (refusal(401, f"bad key {KEY}"), "OPENAI_API_KEY"),
        ((400, b"\xff\x00 <html>"), "HTTP 400"),
        ((200, b"<html>welcome</html>"), "no chat completion"),
        (refusal(400, f"of\nyour {KEY}\nI think little"), r"of your \.\.\. I think"),
        ((200, KEY.encode()), "no chat completion .\\.\\.\\."),
        ((200, b"[]"), "no chat completion"),
        ((200, b""), "no chat completion"),
        ((200, b'{"choices": [{"message": {}}]}'), "no chat completion"),
        (completion(), "without text"),
        (completion(None), "without text"),
        ((302, b""), "another address"),
    ],
)
def test_what_is_wrong_is_said_at_once(answer, said, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    refused = pytest.raises(ModelError, match=said)
    with server(lambda _: answer, Location="http://127.0.0.1:9/v1") as (url, seen), refused as caught:
        listener(url).write([request()])
    assert len(seen) == 1 and KEY not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("key", [f"{KEY}\n x", "schlüssel"])
def test_what_is_no_key_is_not_sent(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with server(echo) as (url, seen), pytest.raises(InputError, match="OPENAI_API_KEY") as caught:
        listener(url).write([request()])
    assert not seen and key not in str(caught.value)


def test_an_empty_answer_is_a_candidate():
    with server(lambda _: completion("")) as (url, _):
        assert listener(url).write([request()]) == [[""]]


def test_a_silent_server_is_given_up():
    released = threading.Event()

    def hang(_):
        released.wait(10)
        return completion("late")

    with server(hang) as (url, seen):
        start = time.monotonic()
        with pytest.raises(ModelError, match="no answer within 0.2 s"):
            listener(url, timeout_s=0.2, retries=1).write([request(f"r{i}") for i in range(3)])
        assert time.monotonic() - start < 5
        released.set()
    assert len(seen) >= 2


def test_a_server_that_is_not_there_is_said():
    with server(echo) as (url, _):
        pass
    with pytest.raises(ModelError, match="cannot be reached"):
        listener(url).write([request()])


def test_one_failure_ends_the_rest():
    with server(lambda _: refusal(400, "no")) as (url, seen), pytest.raises(ModelError):
        listener(url, concurrency=2).write([request(f"r{i}") for i in range(200)])
    assert len(seen) < 100


@pytest.mark.parametrize(
    "spec", ["endpoint:", "endpoint:m", "endpoint:@http://x/v1", "endpoint:m@ftp://x/v1", "endpoint:m@file:///etc/passwd",
             "endpoint:m@http://", "endpoint:m@http://[", "endpoint:m@http://x:y/v1", "endpoint:m@http://me:secret@x/v1", "endpoint:m@http://x/v1?key=secret"],
)  # fmt: skip
def test_specs_that_name_no_server_are_refused(spec):
    with pytest.raises(InputError) as caught:
        EndpointListener.from_spec(spec)
    assert "secret" not in str(caught.value)


def test_a_spec_names_model_and_server():
    ears = EndpointListener.from_spec("endpoint:org/ears@v2@http://localhost:8000/v1/", concurrency=2)
    assert (ears.model, ears.url) == ("org/ears@v2", "http://localhost:8000/v1")
    assert ears.model_id == "org/ears@v2@http://localhost:8000/v1"


def test_a_name_means_a_server_or_a_model(listener_mini):
    from mdialog import listener as listeners

    assert isinstance(listeners.load("endpoint:m@http://localhost/v1"), EndpointListener)
    assert listeners.load(str(listener_mini)).model_id.startswith("models/listener-mini@")
    with pytest.raises(InputError, match="endpoint:MODEL@http"):
        listeners.load("endpoint:here")
