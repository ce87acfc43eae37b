"""How fast a listener writes: batched and with remembered clips, against one `generate` call an utterance.

Prints utterances/s of both and their ratio, measured in one run on the same briefs, clips, model and sampling.

    python scripts/bench_write.py --listener listener-mini
"""

import argparse
import dataclasses
import random
import time

import numpy as np

from mdialog.listener.base import Request, Sampling
from mdialog.listener.local import LocalListener
from mdialog.plan import Clip
from mdialog.synth.briefs import random_brief


def requests(listener: LocalListener, *, dialogues: int, turns: int, seed: int = 0) -> list[Request]:
    """Briefs as dialogues bring them: each speaks of a few clips, again and again."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    made = []
    for d in range(dialogues):
        sounds = {f"{d}-{i}": sound(noise, listener.sample_rate) for i in range(3)}
        for t in range(turns):
            n_clips = rng.choice((0, 1, 1, 2))
            clips = [Clip(name, 0.0, 10.0) for name in rng.sample(sorted(sounds), n_clips)]
            brief = random_brief(rng, n_clips, clips=clips)
            made.append(Request.of(f"{d}/{t}", brief, play=lambda clip, sounds=sounds: sounds[clip.track_id]))
    return made


def sound(noise: np.random.Generator, rate: int, *, seconds: float = 10.0) -> np.ndarray:
    """Shaped noise: what is heard does not change how long it takes."""
    samples = noise.normal(0, 0.1, int(rate * seconds)).astype(np.float32)
    return samples * np.repeat(noise.random(int(seconds)), rate).astype(np.float32)


def batched(listener: LocalListener, made: list[Request], sampling: Sampling, *, candidates: int) -> float:
    """Seconds for all utterances as ``write.py`` asks for them."""
    start = time.perf_counter()
    listener.write(made, n=candidates, sampling=sampling)
    return time.perf_counter() - start


def one_by_one(listener: LocalListener, made: list[Request], sampling: Sampling, *, candidates: int) -> float:
    """Seconds for the same with a plain transformers loop: no batch, every clip encoded every time."""
    import torch

    model, processor = listener.model, listener.processor
    remembered = getattr(listener.memo, "_forward", None)
    tower = next((m for m in model.modules() if getattr(m, "forward", None) is listener.memo), None)
    if tower is not None:
        tower.forward = remembered
    start = time.perf_counter()
    for request in made:
        for _ in range(candidates):
            inputs = processor.apply_chat_template(
                [listener._fit(request.messages)], add_generation_prompt=True, tokenize=True, return_dict=True,
                return_tensors="pt",
            )  # fmt: skip
            with torch.inference_mode():
                model.generate(
                    **inputs.to(model.device), do_sample=True, temperature=sampling.temperature, top_p=sampling.top_p,
                    max_new_tokens=sampling.max_new_tokens,
                )  # fmt: skip
    seconds = time.perf_counter() - start
    if tower is not None:
        tower.forward = listener.memo
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listener", default=None, help="folder or hub id; the bundled listener-mini by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dialogues", type=int, default=32)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument("--max-rows", type=int, default=128)
    parser.add_argument("--max-new-tokens", type=int, default=Sampling.max_new_tokens)
    parser.add_argument("--naive-share", type=float, default=0.25, help="of the briefs that the plain loop writes")
    args = parser.parse_args()
    listener = LocalListener.load(args.listener, device=args.device, max_rows=args.max_rows)
    listener.doubts = False  # what is drawn anew depends on what is heard, and of noise that is most
    made = requests(listener, dialogues=args.dialogues, turns=args.turns)
    some = random.Random(1).sample(made, max(1, int(len(made) * args.naive_share)))
    sampling = dataclasses.replace(listener.sampling, max_new_tokens=args.max_new_tokens)
    batched(listener, made[:4], sampling, candidates=1)  # warm up
    fast = args.candidates * len(made) / batched(listener, made, sampling, candidates=args.candidates)
    slow = args.candidates * len(some) / one_by_one(listener, some, sampling, candidates=args.candidates)
    print(
        f"{listener.model_id} on {args.device}: {fast:.1f} utterances/s batched, {slow:.1f} one by one, "
        f"{fast / slow:.1f} times as fast ({len(made)} briefs, {args.candidates} candidates each)"
    )


if __name__ == "__main__":
    main()
